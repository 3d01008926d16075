//! Several streams as one: fair, weighted, prioritised (recipe 3.8).
