//! Work with an owner: cancelled, scoped, waited for.
