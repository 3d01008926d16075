//! The protocol: RESP2, as far as it is needed here, and with bounds.

use crate::error::RedisError;

/// A server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Simple(String),
    Error(String),
    Integer(i64),
    /// `None` is null.
    Bulk(Option<Vec<u8>>),
    Array(Vec<Self>),
}

/// No answer that is expected here is longer.
const MAX_BYTES: usize = 64 * 1024;
const MAX_ITEMS: i64 = 1_024;
const MAX_DEPTH: u8 = 4;

/// Appends a command.
pub(crate) fn encode(command: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", command.len()).as_bytes());
    for part in command {
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
}

/// The first answer and its length, if all of it is there.
pub(crate) fn parse(input: &[u8]) -> Result<Option<(Reply, usize)>, RedisError> {
    let mut rest = input;
    match reply(&mut rest, MAX_DEPTH)? {
        Some(reply) => Ok(Some((reply, input.len() - rest.len()))),
        None if input.len() > MAX_BYTES => Err(RedisError::Protocol("an answer is too long")),
        None => Ok(None),
    }
}

fn reply(input: &mut &[u8], depth: u8) -> Result<Option<Reply>, RedisError> {
    let Some(line) = line(input) else { return Ok(None) };
    let Some((kind, text)) = line.split_first() else {
        return Err(RedisError::Protocol("an answer has no type"));
    };
    Ok(match kind {
        b'+' => Some(Reply::Simple(String::from_utf8_lossy(text).into_owned())),
        b'-' => Some(Reply::Error(String::from_utf8_lossy(text).into_owned())),
        b':' => Some(Reply::Integer(number(text)?)),
        b'$' => match number(text)? {
            -1 => Some(Reply::Bulk(None)),
            length => {
                let length = usize::try_from(length).ok().filter(|length| *length <= MAX_BYTES);
                let length = length.ok_or(RedisError::Protocol("a string has an impossible length"))?;
                let Some(bytes) = input.get(..length + 2) else { return Ok(None) };
                if !bytes.ends_with(b"\r\n") {
                    return Err(RedisError::Protocol("a string does not end where it should"));
                }
                *input = &input[length + 2..];
                Some(Reply::Bulk(Some(bytes[..length].to_vec())))
            }
        },
        b'*' => match number(text)? {
            -1 => Some(Reply::Bulk(None)),
            length if !(0..=MAX_ITEMS).contains(&length) || depth == 0 => {
                return Err(RedisError::Protocol("an array has an impossible length or depth"));
            }
            length => {
                let mut items = Vec::new();
                for _ in 0..length {
                    match reply(input, depth - 1)? {
                        Some(item) => items.push(item),
                        None => return Ok(None),
                    }
                }
                Some(Reply::Array(items))
            }
        },
        _ => return Err(RedisError::Protocol("an answer has an unknown type")),
    })
}

/// What is before the next end of line, if there is one.
fn line<'i>(input: &mut &'i [u8]) -> Option<&'i [u8]> {
    let end = input.windows(2).position(|pair| pair == b"\r\n")?;
    let line = &input[..end];
    *input = &input[end + 2..];
    Some(line)
}

fn number(text: &[u8]) -> Result<i64, RedisError> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or(RedisError::Protocol("a number is none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_and_answers() {
        let mut out = Vec::new();
        encode(&[b"SET", b"k\r\n", b""], &mut out);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$0\r\n\r\n");
        let table: [(&[u8], Reply); 8] = [
            (b"+OK\r\n", Reply::Simple("OK".into())),
            (b"-ERR no\r\n", Reply::Error("ERR no".into())),
            (b":-12\r\n", Reply::Integer(-12)),
            (b"$3\r\na\r\n\r\n", Reply::Bulk(Some(b"a\r\n".to_vec()))),
            (b"$-1\r\n", Reply::Bulk(None)),
            (b"*-1\r\n", Reply::Bulk(None)),
            (b"*0\r\n", Reply::Array(vec![])),
            (
                b"*2\r\n:1\r\n*1\r\n+a\r\n",
                Reply::Array(vec![Reply::Integer(1), Reply::Array(vec![Reply::Simple("a".into())])]),
            ),
        ];
        for (bytes, reply) in table {
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]).unwrap(), None, "{end} of {reply:?}");
            }
            let more = [bytes, b"+x"].concat();
            assert_eq!(parse(&more).unwrap(), Some((reply, bytes.len())));
        }
    }

    #[test]
    fn nonsense_is_an_error_and_not_memory() {
        let long = [b"+".as_slice(), &[b'a'; MAX_BYTES]].concat();
        let table: [&[u8]; 9] = [
            b"\r\n",
            b"%1\r\n",
            b":x\r\n",
            b"$-2\r\n",
            b"$99999999999\r\n",
            b"*-2\r\n",
            b"*99999\r\n",
            b"$1\r\nabc",
            &long,
        ];
        for bytes in table {
            assert!(parse(bytes).is_err(), "{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(20)]));
        }
        assert!(parse(&b"*1\r\n".repeat(1_000)).is_err(), "too deep");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::sample::select(b"+-:$*0129\r\na".to_vec()), 0..60)) {
            let _ = parse(&bytes);
        }
    }
}
