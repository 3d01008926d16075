//! Against models that are computed from the whole list of items and their times.
