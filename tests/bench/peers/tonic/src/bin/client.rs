//! tonic bench client.  Same arguments as the C++ one: client ADDR MODE [key=value ...]
use std::collections::HashMap;
use std::time::Instant;

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

mod pb {
    tonic::include_proto!("bench");
}
use pb::bench_client::BenchClient;
use pb::{Payload, StreamReq};

type Client = BenchClient<Channel>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Arguments(HashMap<String, String>);

impl Arguments {
    fn number(&self, key: &str, otherwise: usize) -> usize {
        self.0.get(key).map_or(otherwise, |v| v.parse().unwrap())
    }
}

fn cpu() -> f64 {
    let mut r: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut r) };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6;
    seconds(r.ru_utime) + seconds(r.ru_stime)
}

fn rss_kb() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
}

fn report(n: usize, seconds: f64, cpu: f64, mut latency: Vec<f64>) {
    latency.sort_by(f64::total_cmp);
    let at = |p: f64| match latency.len() {
        0 => 0.0,
        len => latency[(len as f64 * p) as usize] * 1e6,
    };
    println!(
        "{{\"n\":{n},\"sec\":{seconds:.6},\"rate\":{:.1},\"cpu_us\":{:.3},\"p50\":{:.1},\"p99\":{:.1},\"rss_kb\":{}}}",
        n as f64 / seconds, cpu * 1e6 / n as f64, at(0.5), at(0.99), rss_kb()
    );
}

async fn dial(address: &str, arguments: &Arguments) -> Result<Client, Failure> {
    let endpoint = match arguments.0.get("ca") {
        None => Endpoint::from_shared(format!("http://{address}"))?,
        Some(file) => Endpoint::from_shared(format!("https://{address}"))?.tls_config(
            ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(std::fs::read(file)?))
                .domain_name("localhost"),
        )?,
    };
    Ok(BenchClient::new(endpoint.tcp_nodelay(true).connect().await?))
}

async fn unary(first: Client, address: &str, arguments: &Arguments, request: Payload)
    -> Result<(), Failure> {
    let seconds: f64 = arguments.0.get("secs").map_or(1.0, |v| v.parse().unwrap());
    let mut clients = vec![first];
    while clients.len() < arguments.number("conns", 1) {
        clients.push(dial(address, arguments).await?);
    }
    let (began, used) = (Instant::now(), cpu());
    let mut workers = Vec::new();
    for client in &clients {
        for _ in 0..arguments.number("out", 1) {
            let (mut client, request) = (client.clone(), request.clone());
            workers.push(tokio::spawn(async move {
                let mut latency = Vec::new();
                loop {
                    let since = Instant::now();
                    if (since - began).as_secs_f64() >= seconds {
                        return Ok::<_, tonic::Status>(latency);
                    }
                    client.unary(request.clone()).await?;
                    latency.push(since.elapsed().as_secs_f64());
                }
            }));
        }
    }
    let mut latency = Vec::new();
    for worker in workers {
        latency.extend(worker.await??);
    }
    report(latency.len(), began.elapsed().as_secs_f64(), cpu() - used, latency);
    Ok(())
}

async fn idle(address: &str, arguments: &Arguments, request: Payload) -> Result<(), Failure> {
    let (n, before) = (arguments.number("n", 1000), rss_kb());
    let mut kept = Vec::new();
    for _ in 0..n {
        let mut client = dial(address, arguments).await?;
        client.unary(request.clone()).await?;
        kept.push(client);
    }
    println!("{{\"n\":{n},\"kb_per\":{:.2}}}", (rss_kb() - before) as f64 / n as f64);
    Ok(())
}

async fn stream(mut client: Client, mode: &str, arguments: &Arguments, request: Payload)
    -> Result<(), Failure> {
    let n = arguments.number("n", 1000);
    let (began, used) = (Instant::now(), cpu());
    let mut latency = Vec::new();
    match mode {
        "sstream" => {
            let ask = StreamReq { count: n as i32, size: arguments.number("size", 16) as i32 };
            let mut messages = client.server_stream(ask).await?.into_inner();
            let mut got = 0;
            while messages.message().await?.is_some() {
                got += 1;
            }
            assert_eq!(got, n);
        }
        "upload" => {
            let all = (0..n).map(move |_| request.clone());
            let summary = client.client_stream(tokio_stream::iter(all)).await?.into_inner();
            assert_eq!(summary.count as usize, n);
        }
        _ => {
            let (out, outgoing) = tokio::sync::mpsc::channel(1);
            out.send(request.clone()).await?;
            let outgoing = tokio_stream::wrappers::ReceiverStream::new(outgoing);
            let mut since = Instant::now();
            let mut replies = client.bidi(outgoing).await?.into_inner();
            for i in 1..=n {
                replies.message().await?;
                latency.push(since.elapsed().as_secs_f64());
                since = Instant::now();
                if i < n {
                    out.send(request.clone()).await?;
                }
            }
        }
    }
    report(n, began.elapsed().as_secs_f64(), cpu() - used, latency);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().collect();
    let pairs = args[3..].iter().map(|a| a.split_once('=').expect("key=value"));
    let arguments = Arguments(pairs.map(|(k, v)| (k.into(), v.into())).collect());
    let request = Payload { body: vec![b'x'; arguments.number("size", 16)] };
    let mut client = dial(&args[1], &arguments).await?;

    client.unary(request.clone()).await?;
    match args[2].as_str() {
        "first" => Ok(()),
        "idleconn" => idle(&args[1], &arguments, request).await,
        "unary" => unary(client, &args[1], &arguments, request).await,
        mode => stream(client, mode, &arguments, request).await,
    }
}
