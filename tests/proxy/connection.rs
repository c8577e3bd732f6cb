//! One connection of a function, and the one to the cloud that belongs to it.
//!
//! Both live and end together, so that a function sees the cloud's closings as if nothing stood in between.

use crate::{
    call::Call,
    journal::Journal,
    message::{Message, reply, request},
};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Serves a connection until either side closes it. A broken connection is broken for the function as well.
pub(crate) async fn serve(function: TcpStream, cloud: u16, journal: Arc<Journal>) {
    if let Err(error) = pass_on(function, cloud, &journal).await {
        eprintln!("a connection broke: {error}");
    }
}

async fn pass_on(function: TcpStream, cloud: u16, journal: &Journal) -> io::Result<()> {
    let cloud = TcpStream::connect(("127.0.0.1", cloud)).await?;
    // Small messages back and forth: waiting to fill a packet would cost 40 ms each.
    function.set_nodelay(true)?;
    cloud.set_nodelay(true)?;
    let (mut function, mut cloud) = (BufReader::new(function), BufReader::new(cloud));
    loop {
        let asked = tokio::select! {
            asked = request(&mut function) => asked?,
            // Nothing was asked, so the cloud can only have closed.
            _ = cloud.fill_buf() => return Ok(()),
        };
        let Some(asked) = asked else { return Ok(()) };
        let call = journal.begin(Call::read(&asked));
        let answer = exchange(&asked, &mut cloud).await?;
        // Before the function hears of it: what a function knows is in the journal.
        journal.end(call, &answer);
        function.get_mut().write_all(&answer.raw).await?;
        if answer.closes {
            return Ok(());
        }
    }
}

/// Asks the cloud. Whoever wants to answer in its place, or to make the caller wait, does it here.
async fn exchange(asked: &Message, cloud: &mut BufReader<TcpStream>) -> io::Result<Message> {
    cloud.get_mut().write_all(&asked.raw).await?;
    reply(cloud).await
}
