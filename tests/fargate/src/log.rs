//! What a container says on its two streams, for everybody who reads it from the beginning.

use futures::{Stream, stream};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    sync::watch,
};

/// One of a container's streams, with its number in Docker's frames.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Stdout = 1,
    Stderr = 2,
}

/// The lines so far, each in the frame that Docker sends it in.
#[derive(Debug)]
pub(crate) struct Log {
    frames: Mutex<Vec<Vec<u8>>>,
    /// How many there are, and whether that is all.
    length: watch::Sender<(usize, bool)>,
}

impl Default for Log {
    fn default() -> Log {
        Log { frames: Mutex::default(), length: watch::Sender::new((0, false)) }
    }
}

impl Log {
    /// Takes down every line until the stream ends.
    pub(crate) async fn read(self: Arc<Self>, source: Source, stream: impl AsyncRead + Unpin) {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
            let length = {
                let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
                frames.push(frame(source, &line));
                frames.len()
            };
            self.length.send_modify(|told| told.0 = length);
            line.clear();
        }
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.length.send_modify(|told| told.1 = true);
    }

    /// The frames from the beginning. Who follows waits for more until there is nothing more to come.
    pub(crate) fn frames(self: Arc<Self>, follow: bool) -> impl Stream<Item = Vec<u8>> {
        let length = self.length.subscribe();
        stream::unfold((self, length, 0), move |(log, mut length, read)| async move {
            loop {
                let (there, complete) = *length.borrow_and_update();
                if read < there {
                    let frame = log.frames.lock().unwrap_or_else(PoisonError::into_inner).get(read).cloned();
                    return Some((frame?, (log, length, read + 1)));
                }
                if complete || !follow {
                    return None;
                }
                length.changed().await.ok()?;
            }
        })
    }
}

/// Docker's frame: the stream's number, three zeros, the length, the text.
fn frame(source: Source, text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut frame = vec![source as u8, 0, 0, 0];
    frame.extend(length.to_be_bytes());
    frame.extend(text);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;

    #[tokio::test]
    async fn whoever_reads_has_every_line_from_the_beginning() {
        let log = Arc::new(Log::default());
        Arc::clone(&log).read(Source::Stderr, &b"one\ntwo"[..]).await;
        let now: Vec<_> = Arc::clone(&log).frames(false).collect().await;
        assert_eq!(now, [b"\x02\0\0\0\0\0\0\x04one\n".to_vec(), b"\x02\0\0\0\0\0\0\x03two".to_vec()]);
        let followed = tokio::spawn(Arc::clone(&log).frames(true).count());
        Arc::clone(&log).read(Source::Stdout, &b"three\n"[..]).await;
        log.close();
        assert_eq!(followed.await.unwrap(), 3, "who follows has what came later, and an end");
    }
}
