//! Where streams come from (recipes 3.1 and 4).
