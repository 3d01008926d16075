//! Work with an owner: cancelled, scoped, waited for.
//!
//! | you want | use |
//! |---|---|
//! | concurrent children that borrow | [`borrow_scope`] |
//! | children that are not `Send` | [`local_scope`] |

mod borrow_scope;
mod local_scope;
mod nursery;

pub use borrow_scope::{Scope, borrow_scope};
pub use local_scope::{LocalScope, local_scope};
pub use nursery::ScopedHandle;
