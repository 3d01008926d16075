use backstay_core::resilience::Pipeline;

fn main() {
    let _ = Pipeline::named("users").attempt_timeout(500);
}
