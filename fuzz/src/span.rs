//! A duration is the same after it was written and read again.

use keylend::domain::Span;

pub fn holds(data: &[u8]) {
    if let Some(seconds) = data.first_chunk() {
        stays(Span::seconds(u32::from_le_bytes(*seconds)));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(span) = text.parse::<Span>() {
        stays(span);
        // White space around it means nothing.
        let spaced = format!(" {text} ");
        assert_eq!(spaced.parse(), Ok(span), "{text:?}");
    }
}

fn stays(span: Span) {
    let written = span.to_string();
    assert_eq!(written.parse(), Ok(span), "{written}");
}
