//! HTTP/1.1 messages, kept byte for byte and read beside that.

use rules::{Request, Response};
use std::io::{self, ErrorKind};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// More headers than any AWS client sends.
const HEADERS: usize = 64;

/// A request or a reply.
#[derive(Debug, Default)]
pub struct Message {
    /// All of it, as it came.
    pub raw: Vec<u8>,
    /// Method and target of a request.
    pub line: String,
    /// The status of a reply.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Whether the connection ends with it.
    pub closes: bool,
}

impl Message {
    /// The request as the rules see it.
    pub fn as_request(&self) -> Request {
        let (method, target) = self.line.split_once(' ').unwrap_or_default();
        let (method, target) = (method.to_owned(), target.to_owned());
        Request { method, target, headers: self.headers.clone(), body: self.body.clone() }
    }

    /// The reply as the rules see it.
    pub fn as_response(&self) -> Response {
        Response { status: self.status, headers: self.headers.clone(), body: self.body.clone() }
    }

    /// A reply of the rules' own.
    pub fn of(response: Response, closes: bool) -> Message {
        let Response { status, headers, body } = response;
        let mut raw = format!("HTTP/1.1 {status} \r\ncontent-length: {}\r\n", body.len()).into_bytes();
        for (name, value) in &headers {
            raw.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        raw.extend_from_slice(b"\r\n");
        raw.extend_from_slice(&body);
        Message { raw, line: String::new(), status, headers, body, closes }
    }

    /// A header's text, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// The next request, or nothing if the connection was closed.
pub async fn request(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Message>> {
    let Some(mut message) = head(from).await? else { return Ok(None) };
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&message.raw).map_err(io::Error::other)?;
    message.line = format!("{} {}", parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    message.headers = read(parsed.headers);
    body(&mut message, from).await?;
    Ok(Some(message))
}

/// The reply to a request.
pub async fn reply(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Message> {
    let mut message = head(from).await?.ok_or(ErrorKind::UnexpectedEof)?;
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    parsed.parse(&message.raw).map_err(io::Error::other)?;
    message.status = parsed.code.unwrap_or_default();
    message.headers = read(parsed.headers);
    message.closes = message.header("connection").eq_ignore_ascii_case("close");
    let framed = ["content-length", "transfer-encoding"].iter().any(|name| !message.header(name).is_empty());
    if framed || message.status == 204 {
        body(&mut message, from).await?;
    } else {
        message.closes = true;
        from.read_to_end(&mut message.body).await?;
        message.raw.extend_from_slice(&message.body);
    }
    Ok(message)
}

/// Start line and headers, up to the empty line.
async fn head(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Message>> {
    let mut raw = Vec::new();
    while !raw.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut raw).await? == 0 {
            return if raw.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
    }
    Ok(Some(Message { raw, ..Message::default() }))
}

fn read(headers: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|header| (header.name.to_ascii_lowercase(), text(header.value))).collect()
}

async fn body(message: &mut Message, from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<()> {
    if message.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        return chunks(message, from).await;
    }
    let length = match message.header("content-length") {
        "" => 0,
        length => length.parse().map_err(io::Error::other)?,
    };
    message.body = vec![0; length];
    from.read_exact(&mut message.body).await?;
    message.raw.extend_from_slice(&message.body);
    Ok(())
}

async fn chunks(message: &mut Message, from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<()> {
    loop {
        let line = line(message, from).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            break;
        }
        let mut chunk = vec![0; size];
        from.read_exact(&mut chunk).await?;
        message.raw.extend_from_slice(&chunk);
        message.body.extend_from_slice(&chunk);
        self::line(message, from).await?;
    }
    // Trailers, and the empty line after them.
    while !line(message, from).await?.trim().is_empty() {}
    Ok(())
}

async fn line(message: &mut Message, from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let begin = message.raw.len();
    if from.read_until(b'\n', &mut message.raw).await? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&message.raw[begin..]).into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a surprise ends the test")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_goes_on_as_it_came() {
        let raw =
            b"POST /a%2Fb/?x=%20 HTTP/1.1\r\nHost: localhost:1\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n";
        let mut from = &raw[..];
        let first = request(&mut from).await.unwrap().unwrap();
        assert_eq!((first.line.as_str(), first.header("host")), ("POST /a%2Fb/?x=%20", "localhost:1"));
        assert_eq!((first.raw.as_slice(), first.body.as_slice()), (&raw[..raw.len() - 18], &b"abc"[..]));
        assert_eq!(request(&mut from).await.unwrap().unwrap().line, "GET /");
        assert!(request(&mut from).await.unwrap().is_none(), "closed");
    }

    #[tokio::test]
    async fn a_reply_in_chunks_goes_on_as_it_came() {
        let raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";
        let reply = reply(&mut &raw[..]).await.unwrap();
        assert_eq!((reply.status, reply.body.as_slice(), reply.closes), (200, &b"abcd"[..], false));
        assert_eq!(reply.raw, raw);
    }

    #[tokio::test]
    async fn a_reply_of_the_rules_own_can_be_read() {
        let headers = vec![("content-type".to_owned(), "text/xml".to_owned())];
        let own = Response { status: 400, headers, body: b"<Response/>".to_vec() };
        let read = reply(&mut &Message::of(own.clone(), false).raw[..]).await.unwrap();
        assert_eq!((read.status, read.header("content-type")), (400, "text/xml"));
        assert_eq!(read.body, own.body);
    }

    #[tokio::test]
    async fn a_reply_without_a_length_ends_with_the_connection() {
        let reply = reply(&mut &b"HTTP/1.1 200 OK\r\n\r\nabc"[..]).await.unwrap();
        assert_eq!((reply.body.as_slice(), reply.closes), (&b"abc"[..], true));
    }
}
