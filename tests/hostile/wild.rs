//! A server below the level of HTTP libraries: what it is told to send it sends to the byte, and
//! everything else it takes from a simulated server behind it.

use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is sent of an answer, part by part. After the last one the connection is closed.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// These bytes.
    Send(Vec<u8>),
    /// Nothing for a while.
    Wait(Duration),
    /// Nothing until the other side goes away.
    Hang,
    /// The connection is torn down.
    Reset,
}

/// A request for an answer of a model.
pub(super) struct Ask {
    /// Who is asked.
    pub(super) role: &'static str,
    /// How many requests to this role came before.
    pub(super) before: usize,
    /// The whole of it.
    pub(super) body: Value,
}

/// What becomes of an answer.
pub(super) enum Struck {
    /// It is that of the server behind.
    Not,
    /// This is sent instead.
    Instead(Vec<Part>),
    /// Its chunks are sent otherwise.
    Otherwise(fn(&[Value]) -> Vec<Part>),
}

type Strike = Arc<dyn Fn(&Ask) -> Struck + Send + Sync>;

/// A running server. It ends with the runtime of its test.
pub(super) struct Wild {
    pub(super) url: String,
    pub(super) asked: Arc<AtomicUsize>,
}

impl Wild {
    /// Before the server at this address.
    pub(super) async fn before(good: &str, strike: Strike) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let good = good.trim_start_matches("http://").to_owned();
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = Arc::new(Mutex::new(std::collections::HashMap::new()));
        let count = Arc::clone(&asked);
        drop(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (good, strike) = (good.clone(), Arc::clone(&strike));
                let (count, counts) = (Arc::clone(&count), Arc::clone(&counts));
                drop(tokio::spawn(async move {
                    let served = serve(stream, &good, &strike, &count, &counts);
                    drop(served.await);
                }));
            }
        }));
        Self { url, asked }
    }

    /// Requests for answers of a model so far.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

type Counts = Mutex<std::collections::HashMap<&'static str, usize>>;

/// One connection, which serves one request.
async fn serve(
    mut stream: TcpStream,
    good: &str,
    strike: &Strike,
    count: &AtomicUsize,
    counts: &Counts,
) -> std::io::Result<()> {
    let Some((head, body)) = request(&mut stream).await? else {
        return Ok(());
    };
    if head.starts_with("POST") && head.contains("chat/completions") {
        count.fetch_add(1, Ordering::SeqCst);
        let body: Value = serde_json::from_slice(&body).unwrap();
        let role = role(&body);
        let before = {
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(role).or_default();
            *count += 1;
            *count - 1
        };
        let ask = Ask { role, before, body };
        match strike(&ask) {
            Struck::Not => {}
            Struck::Instead(parts) => return play(stream, parts).await,
            Struck::Otherwise(form) => {
                let mut answer = Vec::new();
                let mut behind = forward(good, &head, ask.body.to_string().as_bytes()).await?;
                behind.read_to_end(&mut answer).await?;
                return play(stream, form(&chunks_of(&answer))).await;
            }
        }
    }
    let mut behind = forward(good, &head, &body).await?;
    tokio::io::copy(&mut behind, &mut stream).await?;
    stream.shutdown().await
}

/// Asks the server behind.
async fn forward(good: &str, head: &str, body: &[u8]) -> std::io::Result<TcpStream> {
    let mut behind = TcpStream::connect(good).await?;
    let others = head.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_lowercase();
        !line.is_empty() && name != "content-length" && name != "connection"
    });
    let mut head: String = others.map(|line| format!("{line}\r\n")).collect();
    head += &format!(
        "connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    behind.write_all(head.as_bytes()).await?;
    behind.write_all(body).await?;
    Ok(behind)
}

/// The documents in an answer of the server behind.
fn chunks_of(answer: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(answer);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

fn role(body: &Value) -> &'static str {
    if body["tools"]
        .as_array()
        .is_some_and(|tools| !tools.is_empty())
    {
        return "executor";
    }
    let text = body.to_string();
    let schema = body["response_format"]["json_schema"]["name"].as_str();
    match schema.unwrap_or_default() {
        "plan" => "planner",
        "verdict" => "verifier",
        "" if text.contains("subtasks") => "planner",
        "" if text.contains("verdict") => "verifier",
        _ => "other",
    }
}

/// The head and the body of a request; none when nobody asks.
async fn request(stream: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut read = Vec::new();
    let head = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    };
    let mut body = read.split_off(head);
    let head = String::from_utf8(read).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, value)| value.trim().parse().unwrap());
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some((head, body)))
}

async fn play(mut stream: TcpStream, parts: Vec<Part>) -> std::io::Result<()> {
    for part in parts {
        match part {
            Part::Send(bytes) => stream.write_all(&bytes).await?,
            Part::Wait(time) => tokio::time::sleep(time).await,
            Part::Hang => {
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await?;
            }
            Part::Reset => {
                // Without lingering what is not sent is thrown away and the other side told so.
                tokio::task::yield_now().await;
                stream.set_zero_linger()?;
                return Ok(());
            }
        }
    }
    stream.shutdown().await
}
