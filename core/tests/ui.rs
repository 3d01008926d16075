//! What the compiler says to whoever passes something that is no runtime: it names the package to add.

#[test]
fn errors_say_what_to_do() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
