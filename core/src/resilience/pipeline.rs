//! Policies around one operation, in an order.

mod builder;
mod erased;

pub use builder::{PipelineBuilder, Stack};
pub use erased::DynPipeline;

use super::attempt::{Attempt, WithLast};
use super::describe::{Description, Lint};
use super::error::Cause;
use super::layer::{Call, Layer, Leaf, Surroundings};
use super::observer::Observed;
use super::verdict::{Classify, Inherit};
use crate::runtime::Runtime;
use std::sync::Arc;

/// Policies around one operation, in an order.
#[derive(Debug)]
pub struct Pipeline<R, L, C = Inherit> {
    rt: R,
    shared: Arc<Shared<L, C>>,
}

#[derive(Debug)]
struct Shared<L, C> {
    name: &'static str,
    layers: L,
    classifier: C,
    observed: Observed,
}

impl Pipeline<(), Leaf> {
    /// Begins a pipeline of that name, for its errors and events; no policy is in it yet.
    pub const fn named(name: &'static str) -> PipelineBuilder<Leaf> {
        PipelineBuilder::new(name)
    }
}

impl<R: Runtime, L, C> Pipeline<R, L, C> {
    /// Calls an operation under these policies.
    #[inline]
    pub fn call<'p, Op, Fut, T, E>(&'p self, op: Op) -> Call<'p, R, &'p L, C, Op, Fut, T, E>
    where
        L: Layer<T, E>,
        C: Classify<T, E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(&self.rt, &self.shared.layers, self.surroundings(), op)
    }

    /// As [`call`](Self::call), with an operation that is also shown what came of the attempt before.
    #[inline]
    pub fn call_with_last<'p, Op, Fut, T, E>(
        &'p self,
        op: Op,
    ) -> Call<'p, R, &'p L, C, WithLast<Op>, Fut, T, E>
    where
        L: Layer<T, E>,
        C: Classify<T, E>,
        Op: FnMut(Attempt, Option<&Cause<E>>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(&self.rt, &self.shared.layers, self.surroundings(), WithLast(op))
    }

    /// What it is made of, for logs and bug reports.
    pub fn describe(&self) -> Description
    where
        L: Stack,
    {
        let mut policies = Vec::new();
        self.shared.layers.each(&mut |policy| policies.push(policy.facts()));
        Description { name: self.shared.name, policies }
    }

    /// What is suspicious about the order of its policies: orders that are allowed, and hardly ever meant.
    pub fn lints(&self) -> Vec<Lint>
    where
        L: Stack,
    {
        self.describe().lints()
    }

    fn surroundings(&self) -> Surroundings<'_, C> {
        Surroundings {
            name: self.shared.name,
            classifier: &self.shared.classifier,
            observer: self.shared.observed.get(),
        }
    }
}

impl<R: Clone, L, C> Clone for Pipeline<R, L, C> {
    fn clone(&self) -> Self {
        Self { rt: self.rt.clone(), shared: Arc::clone(&self.shared) }
    }
}
