//! Where streams come from (recipes 3.1 and 4).

mod callback;
mod generate;
mod rows;
mod slot;

pub use callback::{Emitter, FromCallback, from_callback};
pub use generate::{EmitFuture, Generate, TryGenerate, Yielder, generate, try_generate};
pub use rows::{Page, Rows, rows};
