//! Sockets.

use crate::pool;
use crate::runtime::AsyncStd;
use backstay_core::net::{Net, NetError, Socket, SocketOps, TcpListener};
use std::io;
use std::net::{Shutdown, SocketAddr};

impl Net for AsyncStd {
    type TcpStream = AsyncStdTcpStream;
    type TcpListener = AsyncStdTcpListener;

    async fn connect(&self, addr: SocketAddr) -> io::Result<AsyncStdTcpStream> {
        pool::ensure_started();
        match async_std::net::TcpStream::connect(addr).await {
            Ok(stream) => Ok(socket(stream, addr)),
            Err(error) => Err(NetError::wrap("connect", addr, error)),
        }
    }

    async fn bind(&self, addr: SocketAddr) -> io::Result<AsyncStdTcpListener> {
        pool::ensure_started();
        match async_std::net::TcpListener::bind(addr).await {
            Ok(listener) => Ok(AsyncStdTcpListener(listener)),
            Err(error) => Err(NetError::wrap("bind", addr, error)),
        }
    }

    async fn resolve(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        pool::ensure_started();
        match async_std::net::ToSocketAddrs::to_socket_addrs(host).await {
            Ok(addrs) => Ok(addrs.collect()),
            Err(error) => Err(NetError::wrap("resolve", host, error)),
        }
    }
}

/// async-std's connection.
pub type AsyncStdTcpStream = Socket<async_std::net::TcpStream>;

fn socket(stream: async_std::net::TcpStream, peer: SocketAddr) -> AsyncStdTcpStream {
    static OPS: SocketOps<async_std::net::TcpStream> = SocketOps {
        local_addr: async_std::net::TcpStream::local_addr,
        peer_addr: async_std::net::TcpStream::peer_addr,
        set_nodelay: async_std::net::TcpStream::set_nodelay,
        // async-std's own close leaves the connection open.
        end_writing: |stream| stream.shutdown(Shutdown::Write),
    };
    Socket::new(stream, peer, &OPS)
}

/// async-std's listener.
#[derive(Debug)]
pub struct AsyncStdTcpListener(async_std::net::TcpListener);

impl TcpListener for AsyncStdTcpListener {
    type Stream = AsyncStdTcpStream;

    async fn accept(&self) -> io::Result<(AsyncStdTcpStream, SocketAddr)> {
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
