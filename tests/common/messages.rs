//! What every message must be, whatever it quotes.

/// That a message could be shown in a terminal: nothing in it is a command there, and it has an end.
#[track_caller]
pub(crate) fn assert_safe(message: &str) {
    let control = message.chars().find(|c| c.is_control() || "\u{202e}\u{feff}".contains(*c));
    assert_eq!(control, None, "{message:?}");
    assert!(!message.is_empty() && message.len() < 4096, "{message:.200}");
}
