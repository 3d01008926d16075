//! Lines and chunks, of files, sockets and readers that fail.

use super::{limit, on_every_backend};
use backstay_sources::blocking::{BlockingError, read_chunks, read_lines};
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};

#[test]
fn a_file_is_read_by_lines_and_by_chunks_on_every_backend() {
    on_every_backend(|_| async {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lines.txt");
        let mut file = File::create(&path).expect("a file");
        for n in 0..1_000 {
            writeln!(file, "line {n}").expect("written");
        }
        drop(file);
        let lines = read_lines(File::open(&path).expect("it is there"), limit(100));
        let lines: Vec<_> = lines.try_collect().await.expect("no error");
        assert!(lines.into_iter().eq((0..1_000).map(|n| format!("line {n}"))));
        let chunks = read_chunks(File::open(&path).expect("it is there"), limit(777));
        let chunks: Vec<_> = chunks.try_collect().await.expect("no error");
        assert!(chunks.iter().all(|chunk| (1..=777).contains(&chunk.len())));
        assert_eq!(chunks.concat(), std::fs::read(&path).expect("it is there"));
    });
}

/// Gives a byte at a time.
struct Slowly(Vec<u8>);

impl Read for Slowly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some(place), false) = (buffer.first_mut(), self.0.is_empty()) else { return Ok(0) };
        *place = self.0.remove(0);
        Ok(1)
    }
}

/// What the function says, for a text.
fn expected(text: &str, limit: usize) -> Vec<Option<String>> {
    let lines = text
        .split_inclusive('\n')
        .map(|line| line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line)));
    lines.map(|line| (line.len() <= limit).then(|| line.to_owned())).collect()
}

#[test]
fn lines_of_every_short_text() {
    let mut texts = vec![String::new()];
    for length in 0..6 {
        let longer: Vec<_> = texts.iter().filter(|text| text.len() == length).cloned().collect();
        texts.extend(longer.iter().flat_map(|text| ["a", "\n", "\r"].map(|byte| format!("{text}{byte}"))));
    }
    for text in &texts {
        for max in [1, 2, 9] {
            let read = |reader: Box<dyn Read + Send>| -> Vec<Option<String>> {
                block_on(read_lines(reader, limit(max)).map(Result::ok).collect())
            };
            let (whole, slowly) = (text.clone().into_bytes(), Slowly(text.clone().into_bytes()));
            assert_eq!(read(Box::new(io::Cursor::new(whole))), expected(text, max), "{text:?}, {max}");
            if text.len() > 4 {
                assert_eq!(read(Box::new(slowly)), expected(text, max), "{text:?}, {max}, slowly");
            }
        }
    }
}

#[test]
fn a_line_that_is_too_long_or_no_text_is_an_error_and_the_next_one_follows() {
    let long = "x".repeat(100_000);
    let mut bytes = format!("first\n{long}\nthird\n").into_bytes();
    bytes.extend(b"\xff\xfe\nfifth");
    let lines: Vec<_> = block_on(read_lines(io::Cursor::new(bytes), limit(50)).collect());
    let [Ok(first), Err(second), Ok(third), Err(fourth), Ok(fifth)] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&**first, &**third, &**fifth), ("first", "third", "fifth"));
    assert_eq!(second.to_string(), "line 2 is longer than 50 bytes");
    assert_eq!(fourth.to_string(), "line 4 is not UTF-8");
    assert!(second.source().is_none() && fourth.source().is_some());
    let BlockingError::NotUtf8 { source, .. } = fourth else { panic!("{fourth:?}") };
    assert_eq!(source.as_bytes(), b"\xff\xfe");
}

/// Fails after some bytes; interrupted now and then.
struct Fails(u32);

impl Read for Fails {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        match self.0 {
            n if n % 2 == 0 => Err(io::ErrorKind::Interrupted.into()),
            n if n < 6 => {
                buffer[..4].copy_from_slice(b"abc\n");
                Ok(4)
            }
            9 => panic!("it was read again"),
            _ => Err(io::Error::other("the disk is gone")),
        }
    }
}

#[test]
fn a_read_that_fails_is_the_last_item_and_says_where() {
    let lines: Vec<_> = block_on(read_lines(Fails(0), limit(50)).collect());
    let chunks: Vec<_> = block_on(read_chunks(Fails(0), limit(50)).collect());
    assert_eq!((lines.len(), chunks.len()), (4, 4));
    for error in [lines[3].as_ref().unwrap_err(), chunks[3].as_ref().unwrap_err()] {
        assert_eq!(error.to_string(), "could not read on after 12 bytes");
        assert_eq!(error.source().expect("a source").to_string(), "the disk is gone");
    }
}

#[test]
fn a_reader_that_panics_is_an_error() {
    struct Panics;
    impl Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("a bad reader")
        }
    }
    let items: Vec<_> = block_on(read_chunks(Panics, limit(1)).collect());
    assert!(matches!(items[..], [Err(BlockingError::Panicked { .. })]));
}
