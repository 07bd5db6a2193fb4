//! A component that was built with a standard library for commands loads, and finds nothing there.

use spillway::component::Component;
use spillway::grants::Grants;

use super::{engine, load_file, trapped};
use crate::component::setup::event;

fn of_a_command() -> Component {
    let tmp = env!("CARGO_TARGET_TMPDIR");
    let file = spillway_tests::components::built_for_commands(tmp, "examples/hostile.wasm");
    load_file(&engine(), file)
}

#[tokio::test]
async fn one_that_was_built_for_commands_has_no_more_authority() {
    let component = of_a_command();
    for wanted in ["environment", "stdin", "stdout", "stderr", "exit"] {
        let wanted = format!("wasi:cli/{wanted}@");
        assert!(component.imports().iter().any(|i| i.starts_with(&wanted)), "{wanted}");
    }
    let wanted = "wasi:filesystem/preopens@";
    assert!(component.imports().iter().any(|i| i.starts_with(wanted)), "{wanted}");
    let config = r#"{"does": "write asks"}"#;
    let mut sink = component.open(config, None, &Grants::nothing()).await.unwrap();
    sink.write(&[event("k", 0, vec![1])]).await.unwrap();
    let notices = sink.poll().await.unwrap().notices;
    let found = "0 variables, 0 arguments, 0 bytes, 0 terminals, folder false, file false, \
                 written false";
    assert_eq!(notices[0].message, found);
}

#[tokio::test]
async fn one_that_exits_is_ended_alone() {
    let config = r#"{"does": "write exits"}"#;
    let mut sink = of_a_command().open(config, None, &Grants::nothing()).await.unwrap();
    let said = trapped(sink.write(&[event("k", 0, vec![1])]).await);
    assert_eq!(said, "the component was ended: Exited with i32 exit status 1");
}

/// The whole of what a component may import, one interface at a time.
#[test]
fn an_interface_that_leads_somewhere_is_refused() {
    use spillway::component::{ComponentSource, LoadError};
    let load = |name: &str| {
        let text = format!(
            "(component (import \"{name}\" (instance)) (instance $i) \
             (export \"spillway:sink/sink@0.2.0\" (instance $i)))"
        );
        let bytes = wat::parse_str(text).unwrap();
        Component::load(&engine(), &ComponentSource::Bytes(bytes)).map(drop).unwrap_err()
    };
    for name in [
        "wasi:sockets/tcp@0.2.0",
        "wasi:sockets/udp@0.2.0",
        "wasi:sockets/ip-name-lookup@0.2.0",
        "wasi:http/incoming-handler@0.2.0",
        "wasi:keyvalue/store@0.2.0",
        "wasi:cli/run@0.2.0",
        "my:own/files",
    ] {
        assert!(matches!(load(name), LoadError::NotGranted(names) if names == [name]), "{name}");
    }
    for name in ["wasi:cli/environment@0.2.0", "wasi:filesystem/types@0.2.0"] {
        assert!(matches!(load(name), LoadError::Misfit(_)), "{name} is there, and that is no sink");
    }
}
