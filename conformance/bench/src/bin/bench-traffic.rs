//! Makes new TCP connections in sequence and measures them.
//!
//! `bench-traffic serve PORT` accepts connections and closes them until the end of its input.
//! `bench-traffic connect ADDRESS:PORT` reads a number from each line of its input, makes that many
//! connections, and prints a line of JSON, which `src/traffic.rs` reads.
#![allow(clippy::print_stdout, reason = "results are printed on stdout")]

use std::error::Error;
use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

/// The limit for one connection: long enough for a lost SYN, which is retransmitted after a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", port] => Ok(serve(port.parse()?)?),
        ["connect", address] => connect(address.parse()?),
        _ => Err("usage: bench-traffic serve PORT | connect ADDRESS:PORT".into()),
    }
}

fn serve(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    println!("ready");
    // An error only means that a client closed its connection first.
    thread::spawn(move || listener.incoming().for_each(drop));
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn connect(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lock().lines() {
        let (micros, failed, seconds) = measure(address, line?.parse()?);
        let quantile = |fraction: f64| quantile(&micros, fraction);
        let (p10, p50, p99) = (quantile(0.1), quantile(0.5), quantile(0.99));
        let times = format!(r#""p10_us":{p10:.2},"p50_us":{p50:.2},"p99_us":{p99:.2}"#);
        let made = micros.len();
        println!(r#"{{{times},"made":{made},"failed":{failed},"seconds":{seconds:.6}}}"#);
        io::stdout().flush()?;
    }
    Ok(())
}

/// Makes `count` connections. Returns the sorted times of `connect` in microseconds, the number of
/// failures, and the total time in seconds.
fn measure(address: SocketAddr, count: usize) -> (Vec<f64>, usize, f64) {
    let mut micros = Vec::with_capacity(count);
    let started = Instant::now();
    for _ in 0..count {
        let started = Instant::now();
        if let Ok(stream) = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            micros.push(started.elapsed().as_secs_f64() * 1e6);
            // A reset, so that the port is free again immediately.
            let _ = set_socket_linger(&stream, Some(Duration::ZERO));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    micros.sort_unstable_by(f64::total_cmp);
    (micros.clone(), count - micros.len(), seconds)
}

fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * fraction).round() as usize).copied().unwrap_or(0.0)
}
