//! Sockets.

use crate::runtime::Smol;
use backstay_core::net::{Net, NetError, Socket, SocketOps, TcpListener};
use std::io;
use std::net::SocketAddr;

impl Net for Smol {
    type TcpStream = SmolTcpStream;
    type TcpListener = SmolTcpListener;

    async fn connect(&self, addr: SocketAddr) -> io::Result<SmolTcpStream> {
        match smol::net::TcpStream::connect(addr).await {
            Ok(stream) => Ok(socket(stream, addr)),
            Err(error) => Err(NetError::wrap("connect", addr, error)),
        }
    }

    async fn bind(&self, addr: SocketAddr) -> io::Result<SmolTcpListener> {
        match smol::net::TcpListener::bind(addr).await {
            Ok(listener) => Ok(SmolTcpListener(listener)),
            Err(error) => Err(NetError::wrap("bind", addr, error)),
        }
    }

    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        smol::net::resolve(host).await.map_err(|error| NetError::wrap("resolve", host, error))
    }
}

/// smol's connection.
pub type SmolTcpStream = Socket<smol::net::TcpStream>;

fn socket(stream: smol::net::TcpStream, peer: SocketAddr) -> SmolTcpStream {
    static OPS: SocketOps<smol::net::TcpStream> = SocketOps {
        local_addr: smol::net::TcpStream::local_addr,
        peer_addr: smol::net::TcpStream::peer_addr,
        set_nodelay: smol::net::TcpStream::set_nodelay,
        end_writing: |_| Ok(()),
    };
    Socket::new(stream, peer, &OPS)
}

/// smol's listener.
#[derive(Debug)]
pub struct SmolTcpListener(smol::net::TcpListener);

impl TcpListener for SmolTcpListener {
    type Stream = SmolTcpStream;

    async fn accept(&self) -> io::Result<(SmolTcpStream, SocketAddr)> {
        match self.0.accept().await {
            Ok((stream, peer)) => Ok((socket(stream, peer), peer)),
            Err(error) => Err(match self.local_addr() {
                Ok(addr) => NetError::wrap("accept", addr, error),
                Err(_) => error,
            }),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
