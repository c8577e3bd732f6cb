//! The proxy between the functions and the local cloud: it makes the cloud AWS (`rules`) and keeps a journal of
//! every call. Without rules it keeps the journal alone.
//!
//! Requests are signed, so each goes on byte for byte: path, headers and body are read and never rewritten.
//! A function talks to the proxy exactly as it would to AWS.
#![allow(clippy::print_stdout, reason = "says when it listens")]

mod connection;
mod journal;
mod parameters;
mod settings;

use journal::Journal;
use rules::Aws;
use std::{env, error::Error, path::Path, sync::Arc};
use tokio::net::TcpListener;

/// Arguments: the port to listen on, the local cloud's port, the journal's file. The environment says how strict and
/// how slow AWS is: see [`settings`].
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [listen, cloud, journal] = arguments.as_slice() else {
        return Err("usage: proxy <port> <port of the local cloud> <file of the journal>".into());
    };
    let (listen, cloud): (u16, u16) = (listen.parse()?, cloud.parse()?);
    let journal = Arc::new(Journal::create(Path::new(journal))?);
    let aws = settings::of_environment()?.map(|settings| Arc::new(Aws::new(settings)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", listen)).await?;
        println!("listening on {}", listener.local_addr()?);
        loop {
            let (function, _) = listener.accept().await?;
            tokio::spawn(connection::serve(function, cloud, aws.clone(), Arc::clone(&journal)));
        }
    })
}
