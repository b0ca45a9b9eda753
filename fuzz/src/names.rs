//! What names something is written as it was read, and is nothing else than it seems.

use keylend::{
    audit::verify::Head,
    domain::{RequestId, ScopeId},
};

pub fn holds(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(id) = text.parse::<RequestId>() {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(scope) = text.parse::<ScopeId>() {
        assert_eq!(scope.to_string(), text);
        // It stands in messages and in addresses as it is.
        let plain = |char: char| char.is_ascii_graphic() && !"<>&`\"'".contains(char);
        assert!(text.chars().all(plain), "{text:?}");
    }
    if let Ok(head) = text.parse::<Head>() {
        assert_eq!(head.to_string().parse::<Head>().ok(), Some(head.clone()));
        assert_eq!(head.hash.len(), 64);
    }
}
