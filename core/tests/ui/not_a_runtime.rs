use backstay_core::Runtime;

fn name<R: Runtime>(rt: &R) -> &'static str {
    rt.name()
}

fn main() {
    name(&"tokio");
}
