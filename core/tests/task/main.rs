//! Tokens and scopes, on the simulated runtime or on none.

mod scopes;
