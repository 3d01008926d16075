//! Backends by name, with whatever features are on.

use backstay::{Backend, BlockOn, Config, Runtime};

#[test]
fn every_backend_is_found_by_its_name_and_runs() {
    for backend in Backend::ALL {
        assert_eq!(backend.to_string().parse::<Backend>().as_ref(), Ok(backend));
        let owner = backend.start(Config::new()).expect("a good configuration");
        let rt = owner.runtime().clone();
        assert_eq!(rt.name(), backend.name());
        assert_eq!(owner.block_on(async move { rt.spawn(async { 1 }).await.expect("it runs") }), 1);
    }
}

#[test]
fn an_unknown_name_lists_the_valid_ones() {
    for name in ["", "Tokio", "glommio", "tokio ", "sim\0"] {
        let unknown = name.parse::<Backend>().expect_err("there is none");
        assert_eq!(unknown.name(), name);
        let text = unknown.to_string();
        assert!(Backend::ALL.iter().all(|backend| text.contains(backend.name())), "{text}");
        assert!(!Backend::ALL.is_empty() || text.contains("feature"), "{text}");
    }
}
