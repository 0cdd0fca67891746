//! A minimal gRPC client that makes one call at a time over a socket: HTTP/2 frames with literal
//! headers, and protocol buffers.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A message being built, field by field.
#[derive(Clone, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub(crate) fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(crate) fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// Returns the text of field 1, which must be the first field of the message.
pub(crate) fn first_text(message: &[u8]) -> String {
    let [0x0a, length, rest @ ..] = message else { panic!("no text in {message:?}") };
    String::from_utf8(rest[..usize::from(*length)].to_vec()).expect("UTF-8")
}

/// A server of the CRI.
pub(crate) struct Connection {
    socket: PathBuf,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

impl Connection {
    pub(crate) fn to(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Calls a method, such as `RuntimeService/Version`, and returns the response. Panics with the
    /// error that the server reports.
    pub(crate) fn call(&self, method: &str, request: &Message) -> Vec<u8> {
        let mut stream = UnixStream::connect(&self.socket).expect("containerd listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("written");
        frame(&mut stream, SETTINGS, 0, 0, &[]);
        frame(&mut stream, HEADERS, END_HEADERS, 1, &headers(method));
        let mut body = vec![0];
        body.extend_from_slice(&(request.0.len() as u32).to_be_bytes());
        body.extend_from_slice(&request.0);
        frame(&mut stream, DATA, END_STREAM, 1, &body);
        let (data, headers) = response(&mut stream);
        // A message has a prefix of five bytes. An error has no message, and is in the trailers.
        assert!(data.len() >= 5, "{method}: {}", String::from_utf8_lossy(&headers));
        data[5..].to_vec()
    }
}

fn headers(method: &str) -> Vec<u8> {
    let path = format!("/runtime.v1.{method}");
    let all = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", &path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in all {
        // A literal without indexing and without Huffman coding; all are shorter than 127 bytes.
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

fn frame(stream: &mut UnixStream, kind: u8, flags: u8, id: u32, payload: &[u8]) {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(payload);
    stream.write_all(&bytes).expect("written");
}

/// Reads the data and the encoded headers of a response.
fn response(stream: &mut UnixStream) -> (Vec<u8>, Vec<u8>) {
    let (mut data, mut headers) = (Vec::new(), Vec::new());
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("a response");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).expect("the rest of it");
        let (kind, flags) = (head[3], head[4]);
        match kind {
            DATA => data.extend_from_slice(&payload),
            HEADERS => headers.extend_from_slice(&payload),
            SETTINGS | PING if flags & ACK == 0 => {
                frame(stream, kind, ACK, 0, if kind == PING { &payload } else { &[] })
            }
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            return (data, headers);
        }
    }
}
