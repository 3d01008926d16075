//! Where in the bytes of the peer its last one is.

/// Follows the frames of what is read, so that an end in the middle of one can be told from an end between two.
///
/// The decoder doesn't tell: it has the same answer for both. What is followed are the lengths alone; whether a frame
/// is a good one the decoder judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    at: At,
    /// A message has begun whose last frame has not.
    fragments: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    /// In the HTTP head. An empty line ends it; `true` where only `\r` has been seen since the last `\n`.
    Head { after_newline: bool },
    /// In the header of a frame, which may not have begun.
    Header { bytes: [u8; 14], len: usize },
    /// In its payload.
    Payload { missing: u64 },
}

const BOUNDARY: At = At::Header { bytes: [0; 14], len: 0 };

impl Position {
    /// Before the first byte of the handshake.
    pub(super) const fn new() -> Self {
        Self { at: At::Head { after_newline: false }, fragments: false }
    }

    /// Before the first byte of the first frame.
    pub(super) const fn after_head() -> Self {
        Self { at: BOUNDARY, fragments: false }
    }

    /// Whether a message has begun and not ended: in a frame, or between two of its frames.
    pub(super) fn in_message(&self) -> bool {
        self.fragments || !matches!(self.at, At::Header { len: 0, .. } | At::Head { .. })
    }

    /// These bytes have come.
    pub(super) fn read(&mut self, mut new: &[u8]) {
        while let Some((&byte, rest)) = new.split_first() {
            match &mut self.at {
                At::Head { after_newline } => {
                    new = rest;
                    match byte {
                        b'\n' if *after_newline => self.at = BOUNDARY,
                        b'\n' => *after_newline = true,
                        b'\r' => {}
                        _ => *after_newline = false,
                    }
                }
                At::Header { bytes, len } => {
                    new = rest;
                    bytes[*len] = byte;
                    *len += 1;
                    if *len == header_len(bytes, *len) {
                        let (first, missing) = (bytes[0], payload_len(bytes));
                        self.begin(first, missing);
                    }
                }
                At::Payload { missing } => {
                    let taken = new.len().min(usize::try_from(*missing).unwrap_or(usize::MAX));
                    new = &new[taken..];
                    *missing -= taken as u64;
                    if *missing == 0 {
                        self.at = BOUNDARY;
                    }
                }
            }
        }
    }

    fn begin(&mut self, first: u8, missing: u64) {
        let (last, control) = (first & 0x80 != 0, first & 0x08 != 0);
        // A control frame may stand between the frames of a message.
        if !control {
            self.fragments = !last;
        }
        self.at = if missing == 0 { BOUNDARY } else { At::Payload { missing } };
    }
}

/// How long the header is, as far as its first `len` bytes tell (RFC 6455, section 5.2).
const fn header_len(bytes: &[u8; 14], len: usize) -> usize {
    if len < 2 {
        return 2;
    }
    let length = match bytes[1] & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if bytes[1] & 0x80 == 0 { 0 } else { 4 };
    2 + length + mask
}

const fn payload_len(bytes: &[u8; 14]) -> u64 {
    match bytes[1] & 0x7f {
        126 => u16::from_be_bytes([bytes[2], bytes[3]]) as u64,
        127 => u64::from_be_bytes([
            bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
        ]),
        short => short as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

    fn after(frames: &[u8]) -> Position {
        let mut position = Position::new();
        position.read(HEAD);
        position.read(frames);
        position
    }

    #[test]
    fn it_knows_where_a_message_ends() {
        for (frames, in_message) in [
            (&b""[..], false),
            (b"\x81", true),                 // half a header
            (b"\x81\x02", true),             // all of it
            (b"\x81\x02h", true),            // half a payload
            (b"\x81\x02hi", false),          // a message
            (b"\x81\x00", false),            // an empty one
            (b"\x01\x02hi", true),           // the first part of one
            (b"\x01\x02hi\x89\x00", true),   // and a ping in between
            (b"\x01\x02hi\x80\x01!", false), // and its last
            (b"\x01\x02hi\x00\x01!", true),  // and one that is not
            (b"\x82\x82maskhi", false),      // masked
            (b"\x82\x82mask", true),
            (b"\x82\x7e\x00\x03abc", false), // 16 bits of length
            (b"\x82\x7e\x00\x03ab", true),
            (b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x01a\x81", true), // 64 bits, and another header
            (b"\x82\xff\x00\x00\x00\x00\x00\x00\x00\x01maska", false),
            (b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xffa", true),
        ] {
            assert_eq!(after(frames).in_message(), in_message, "{frames:?}");
        }
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        for (head, ended) in [
            (&b"HTTP/1.1 101 ok\r\n\r\n"[..], true),
            (b"HTTP/1.1 101 ok\n\n", true),
            (b"HTTP/1.1 101 ok\r\na: b\r\n", false),
            (b"HTTP/1.1 101 ok\r\na: \r\r\nb", false),
        ] {
            let mut position = Position::new();
            position.read(head);
            assert_eq!(position.at == BOUNDARY, ended, "{head:?}");
        }
    }

    proptest! {
        /// However the bytes are cut, and whatever they are.
        #[test]
        fn the_cuts_of_the_reads_do_not_matter(
            frames in proptest::collection::vec(any::<u8>(), 0..64),
            cuts in proptest::collection::vec(1_usize..9, 0..80),
        ) {
            let whole = after(&frames);
            let mut position = after(b"");
            let (mut rest, mut cuts) = (&frames[..], cuts.into_iter());
            while !rest.is_empty() {
                let (now, later) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                position.read(now);
                rest = later;
            }
            prop_assert_eq!(position, whole);
        }
    }
}
