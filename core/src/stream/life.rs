//! How long a stream lives: until a token, over errors and ends, for several readers.
