//! A piece of a response on its way to the client.

use super::shared::Shared;
use backstay_core::Runtime;
use hyper::body::{Buf, Bytes};
use std::io::IoSlice;
use std::sync::Arc;

/// A piece of a body, until hyper has written it: it may have to wait for the client.
pub(super) struct Piece<R: Runtime, D> {
    data: D,
    shared: Option<Arc<Shared<R>>>,
}

impl<R: Runtime, D: Buf> Piece<R, D> {
    /// Of the connection, if that is to know.
    pub(super) fn new(data: D, shared: Option<&Arc<Shared<R>>>) -> Self {
        let shared = shared.filter(|_| data.has_remaining()).cloned();
        if let Some(shared) = &shared {
            shared.piece_given();
        }
        Self { data, shared }
    }

    fn moves(&self) {
        if let Some(shared) = &self.shared {
            shared.piece_moves();
        }
    }
}

impl<R: Runtime, D: Buf> Buf for Piece<R, D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.data.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
        self.moves();
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        self.moves();
        self.data.copy_to_bytes(len)
    }
}

impl<R: Runtime, D> Drop for Piece<R, D> {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.piece_taken();
        }
    }
}
