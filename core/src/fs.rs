//! Files, on the runtime's blocking pool.
