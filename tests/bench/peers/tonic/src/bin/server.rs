//! tonic bench server.  usage: server PORT [cert key]
use std::pin::Pin;

use tokio_stream::{Stream, StreamExt};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

mod pb {
    tonic::include_proto!("bench");
}
use pb::bench_server::{Bench, BenchServer};
use pb::{Payload, StreamReq, Summary};

type Payloads = Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>;

struct Service;

#[tonic::async_trait]
impl Bench for Service {
    type ServerStreamStream = Payloads;
    type BidiStream = Payloads;

    async fn unary(&self, request: Request<Payload>) -> Result<Response<Payload>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn server_stream(
        &self,
        request: Request<StreamReq>,
    ) -> Result<Response<Payloads>, Status> {
        let request = request.into_inner();
        let payload = Payload { body: vec![0; request.size as usize] };
        let all = (0..request.count).map(move |_| Ok(payload.clone()));
        Ok(Response::new(Box::pin(tokio_stream::iter(all))))
    }

    async fn client_stream(
        &self,
        request: Request<Streaming<Payload>>,
    ) -> Result<Response<Summary>, Status> {
        let mut messages = request.into_inner();
        let mut summary = Summary::default();
        while let Some(payload) = messages.message().await? {
            summary.count += 1;
            summary.bytes += payload.body.len() as i64;
        }
        Ok(Response::new(summary))
    }

    async fn bidi(
        &self,
        request: Request<Streaming<Payload>>,
    ) -> Result<Response<Payloads>, Status> {
        Ok(Response::new(Box::pin(request.into_inner().map(|payload| payload))))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let incoming = TcpIncoming::bind(format!("127.0.0.1:{}", args[1]).parse()?)?
        .with_nodelay(Some(true));
    let mut server = Server::builder();
    if args.len() > 3 {
        let identity = Identity::from_pem(std::fs::read(&args[2])?, std::fs::read(&args[3])?);
        server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
    }
    println!("ready");
    server.add_service(BenchServer::new(Service)).serve_with_incoming(incoming).await?;
    Ok(())
}
