//! Iterators and readers that block, each on a thread of its own, as streams (recipe 4.2).
//!
//! ```
//! use backstay_core::Limit;
//! use backstay_sources::blocking::read_lines;
//! use futures::TryStreamExt;
//! use std::net::{Shutdown, TcpListener, TcpStream};
//!
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let address = listener.local_addr()?;
//! let socket = TcpStream::connect(address)?;
//! # let (mut peer, _) = listener.accept()?;
//! # std::io::Write::write_all(&mut peer, b"hello\nto you\n")?;
//! let closer = socket.try_clone()?;
//! let mut lines = read_lines(socket, Limit::new(1_024).unwrap())
//!     .on_close(move || drop(closer.shutdown(Shutdown::Both))); // ends a read that waits
//! # futures::executor::block_on(async {
//! assert_eq!(lines.try_next().await?, Some("hello".to_owned()));
//! assert_eq!(lines.try_next().await?, Some("to you".to_owned()));
//! drop(lines); // the peer has said nothing more, and the thread ends all the same
//! # Ok::<(), backstay_sources::blocking::BlockingError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | you want | use |
//! |---|---|
//! | what an iterator gives | [`from_blocking`] |
//! | lines of text, of a bounded length | [`read_lines`] |
//! | bytes as they come | [`read_chunks`] |
//!
//! Not for sockets and pipes that the runtime itself can wait for; and not for work that takes long but not for ever:
//! that is [`spawn_blocking`](backstay_core::Runtime::spawn_blocking)'s.

mod error;
mod outlet;
mod reader;
mod stream;

pub use error::BlockingError;
pub use reader::{read_chunks, read_lines};
pub use stream::{BlockingThread, FromBlocking, from_blocking};
