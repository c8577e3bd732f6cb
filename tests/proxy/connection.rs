//! One connection of a function, and the one to the cloud that belongs to it.
//!
//! Both live and end together, so that a function sees the cloud's closings as if nothing stood in between. What the
//! cloud answers is AWS's answer only after the rules have seen it; what they leave as it is goes on byte for byte.

use crate::journal::Journal;
use async_trait::async_trait;
use end_to_end::message::{Message, reply, request};
use jiff::Timestamp;
use rules::{Aws, Call, LocalCloud, Request, Response};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::Mutex,
};

/// Serves a connection until either side closes it. A broken connection is broken for the function as well.
pub(crate) async fn serve(function: TcpStream, cloud: u16, aws: Option<Arc<Aws>>, journal: Arc<Journal>) {
    if let Err(error) = pass_on(function, cloud, aws.as_deref(), &journal).await {
        eprintln!("a connection broke: {error}");
    }
}

async fn pass_on(function: TcpStream, cloud: u16, aws: Option<&Aws>, journal: &Journal) -> io::Result<()> {
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
        let as_request = asked.as_request();
        let call = journal.begin(Call::read(&as_request));
        let answer = match aws {
            Some(aws) => {
                tokio::time::sleep(aws.latency(&as_request)).await;
                exchange(&asked, &as_request, &mut cloud, aws).await?
            }
            None => {
                cloud.get_mut().write_all(&asked.raw).await?;
                reply(&mut cloud).await?
            }
        };
        // Before the function hears of it: what a function knows is in the journal.
        journal.end(call, &answer);
        function.get_mut().write_all(&answer.raw).await?;
        if answer.closes {
            return Ok(());
        }
    }
}

/// AWS's answer: the rules', or the cloud's where they let it pass.
async fn exchange(
    asked: &Message,
    as_request: &Request,
    cloud: &mut BufReader<TcpStream>,
    aws: &Aws,
) -> io::Result<Message> {
    let line = Line { asked, cloud: Mutex::new((cloud, None)) };
    let answer = aws.answer(as_request, &line, Timestamp::now()).await?;
    match line.cloud.into_inner() {
        (_, Some(said)) if said.as_response() == answer => Ok(said),
        (_, said) => Ok(Message::of(answer, said.is_some_and(|said| said.closes))),
    }
}

/// The cloud at the end of this connection. It is asked with the function's own bytes: they are signed.
struct Line<'a> {
    asked: &'a Message,
    cloud: Mutex<(&'a mut BufReader<TcpStream>, Option<Message>)>,
}

#[async_trait]
impl LocalCloud for Line<'_> {
    async fn carry_out(&self, _request: &Request) -> io::Result<Response> {
        let mut line = self.cloud.lock().await;
        let (cloud, said) = &mut *line;
        cloud.get_mut().write_all(&self.asked.raw).await?;
        Ok(said.insert(reply(cloud).await?).as_response())
    }
}
