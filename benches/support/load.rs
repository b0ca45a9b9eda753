//! A generator of load that costs little itself: the same bytes again and again over a few lines that
//! stay open, each as soon as the answer before has come.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

/// Answers a second. Every answer has to be a 200 of a stated length.
pub async fn answers(address: SocketAddr, request: &str, lines: usize, span: Duration) -> f64 {
    let end = Instant::now() + span;
    let mut sending = JoinSet::new();
    for _ in 0..lines {
        let request = request.to_owned();
        sending.spawn(async move {
            let mut line = TcpStream::connect(address).await.unwrap();
            line.set_nodelay(true).unwrap();
            let (mut count, mut answer) = (0, Vec::with_capacity(4096));
            while Instant::now() < end {
                line.write_all(request.as_bytes()).await.unwrap();
                answer.clear();
                while !is_whole(&answer) {
                    let read = line.read_buf(&mut answer).await.unwrap();
                    assert!(read > 0, "the line was closed");
                }
                assert!(answer.starts_with(b"HTTP/1.1 200 "));
                count += 1;
            }
            count
        });
    }
    let count: u32 = sending.join_all().await.into_iter().sum();
    f64::from(count) / span.as_secs_f64()
}

/// Whether the body is there up to its stated length.
fn is_whole(answer: &[u8]) -> bool {
    let text = str::from_utf8(answer).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    body.len() == length.parse::<usize>().unwrap()
}
