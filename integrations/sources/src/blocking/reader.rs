//! Readers: lines and chunks.

use super::error::BlockingError;
use super::outlet::Outlet;
use super::stream::FromBlocking;
use backstay_core::Limit;
use std::io::{self, BufRead, BufReader, Read};
use std::mem;

/// The lines of a reader, without their ends (`\n` or `\r\n`), each of `max_length` bytes at most.
///
/// It reads through a buffer of its own.
///
/// # Errors
///
/// Are items: [`LineTooLong`](BlockingError::LineTooLong) and [`NotUtf8`](BlockingError::NotUtf8) in place of a line,
/// and the next line follows; [`Read`](BlockingError::Read), [`Panicked`](BlockingError::Panicked) and
/// [`Thread`](BlockingError::Thread), each the last.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_sources::blocking::{BlockingError, read_lines};
/// use futures::StreamExt;
///
/// let text: &[u8] = b"short\r\nmuch too long\nthe end";
/// let lines = read_lines(text, Limit::new(8).unwrap());
/// let lines: Vec<_> = futures::executor::block_on(lines.collect());
/// assert_eq!(lines[0].as_deref().unwrap(), "short");
/// assert!(matches!(lines[1], Err(BlockingError::LineTooLong { line: 2, limit: 8 })));
/// assert_eq!(lines[2].as_deref().unwrap(), "the end");
/// ```
#[doc(alias = "lines")]
pub fn read_lines<R>(reader: R, max_length: impl Into<Limit>) -> FromBlocking<String>
where
    R: Read + Send + 'static,
{
    let limit = max_length.into().get();
    FromBlocking::new(move |outlet| {
        let mut lines = Lines { reader: BufReader::new(reader), limit, line: 0, at: 0 };
        while let Some(line) = lines.next(outlet) {
            let is_last = matches!(line, Err(BlockingError::Read { .. }));
            if outlet.put(line).is_err() || is_last {
                break;
            }
        }
    })
}

/// The bytes of a reader as they come: what each read gives, `max_size` bytes at most.
///
/// # Errors
///
/// Are items, each the last: [`Read`](BlockingError::Read), [`Panicked`](BlockingError::Panicked) and
/// [`Thread`](BlockingError::Thread).
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_sources::blocking::read_chunks;
/// use futures::TryStreamExt;
///
/// let bytes: &[u8] = b"0123456789";
/// let chunks = read_chunks(bytes, Limit::new(4).unwrap());
/// let chunks: Vec<_> = futures::executor::block_on(chunks.try_collect())?;
/// assert_eq!(chunks, [&b"0123"[..], b"4567", b"89"]);
/// # Ok::<(), backstay_sources::blocking::BlockingError>(())
/// ```
pub fn read_chunks<R>(mut reader: R, max_size: impl Into<Limit>) -> FromBlocking<Vec<u8>>
where
    R: Read + Send + 'static,
{
    let size = max_size.into().get();
    FromBlocking::new(move |outlet| {
        let mut at = 0;
        // One for all reads; what is given away has the size of what was read. Not larger than what a read is likely to
        // give, whatever was allowed.
        let mut buffer = vec![0; size.min(LARGEST_READ)];
        while !outlet.is_closed() {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    at += length as u64;
                    if outlet.put(Ok(buffer[..length].to_vec())).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    // Nobody reads it, if it can't be put.
                    let _read_or_not = outlet.put(Err(BlockingError::Read { at, source }));
                    break;
                }
            }
        }
    })
}

const LARGEST_READ: usize = 1 << 20;

struct Lines<R> {
    reader: BufReader<R>,
    limit: usize,
    line: u64,
    // How many bytes were read before.
    at: u64,
}

impl<R: Read> Lines<R> {
    fn next<T>(&mut self, outlet: &Outlet<T>) -> Option<Result<String, BlockingError>> {
        let mut line = Vec::new();
        let (mut is_too_long, mut is_begun) = (false, false);
        loop {
            if outlet.is_closed() {
                return None;
            }
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Some(Err(BlockingError::Read { at: self.at, source })),
            };
            if bytes.is_empty() {
                return is_begun.then(|| self.made(line, is_too_long));
            }
            is_begun = true;
            let end = bytes.iter().position(|&byte| byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            // One more for a `\r` at the end.
            if is_too_long || line.len() + part.len() > self.limit.saturating_add(1) {
                is_too_long = true;
                line = Vec::new();
            } else {
                line.extend_from_slice(part);
            }
            let length = part.len() + usize::from(end.is_some());
            self.reader.consume(length);
            self.at += length as u64;
            if end.is_some() {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Some(self.made(mem::take(&mut line), is_too_long));
            }
        }
    }

    fn made(&mut self, line: Vec<u8>, is_too_long: bool) -> Result<String, BlockingError> {
        self.line += 1;
        if is_too_long || line.len() > self.limit {
            return Err(BlockingError::LineTooLong { line: self.line, limit: self.limit });
        }
        String::from_utf8(line).map_err(|source| BlockingError::NotUtf8 { line: self.line, source })
    }
}
