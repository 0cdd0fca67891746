//! The echo client: lines sent over one connection until the input ends.

use std::io::{BufRead, BufReader, Error, Read, Write, stdin, stdout};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The pause between two lines.
const PAUSE: Duration = Duration::from_millis(5);

/// Sends numbered lines until the input ends, and returns how many were echoed.
pub(crate) fn run(to: SocketAddr, timeout: Duration) -> Result<String, String> {
    let broken =
        |after: u64, error: &Error| format!("echo session with {to}: after {after} lines: {error}");
    let stream = connect(to, timeout).map_err(|error| broken(0, &error))?;
    let mut lines = BufReader::new(&stream);
    let (ended, mut count) = (end_of_input(), 0);
    loop {
        // One more line after the input has ended, so that the session is known to work until then.
        let is_last = ended.load(Ordering::Relaxed);
        exchange(&stream, &mut lines, count).map_err(|error| broken(count, &error))?;
        if count == 0 {
            writeln!(stdout(), "ready").map_err(|error| broken(count, &error))?;
        }
        count += 1;
        if is_last {
            return Ok(count.to_string());
        }
        thread::sleep(PAUSE);
    }
}

fn connect(to: SocketAddr, timeout: Duration) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect_timeout(&to, timeout)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    Ok(stream)
}

fn exchange(mut stream: &TcpStream, lines: &mut impl BufRead, number: u64) -> Result<(), Error> {
    stream.write_all(format!("{number}\n").as_bytes())?;
    let mut line = String::new();
    lines.read_line(&mut line)?;
    if line.trim_end() == number.to_string() {
        return Ok(());
    }
    Err(Error::other(format!("{line:?} was echoed")))
}

fn end_of_input() -> Arc<AtomicBool> {
    let ended = Arc::new(AtomicBool::new(false));
    let flag = ended.clone();
    thread::spawn(move || {
        // An input that can't be read counts as ended.
        let _ = stdin().read_to_end(&mut Vec::new());
        flag.store(true, Ordering::Relaxed);
    });
    ended
}
