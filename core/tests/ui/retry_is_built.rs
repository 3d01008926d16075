use backstay_core::resilience::{Pipeline, Retry};

fn main() {
    let _ = Pipeline::named("users").retry(Retry::builder().max_attempts(3));
}
