//! A checkpoint counts only as it was signed.
//!
//! The bytes: any text; and the size and root of a checkpoint, followed by changes to its note, each a
//! place and a byte.

use keylend::checkpoint::{Checkpoint, SigningKey, checkpoints};

pub fn holds(data: &[u8]) {
    let key = SigningKey::new("example.com/log", &"1f".repeat(32).into());
    let key = key.expect("a name and 32 bytes");
    let keys = [key.verifier()];
    let read = |text: &str| -> Vec<_> { checkpoints(text, &keys).filter_map(Result::ok).collect() };
    if let Ok(text) = std::str::from_utf8(data) {
        let text = text.replace("\r\n", "\n");
        for checkpoint in read(&text) {
            let note = checkpoint.sign(&key);
            let (signed, signature) = note.split_once("\n\n").expect("a note has an empty line");
            assert!(text.contains(signed) && text.contains(signature.trim_end()));
        }
    }
    let Some((start, changes)) = data.split_first_chunk::<40>() else {
        return;
    };
    let (size, root) = start.split_at(8);
    let checkpoint = Checkpoint {
        size: u64::from_le_bytes(size.try_into().expect("eight bytes")),
        root: root.try_into().expect("thirty-two bytes"),
    };
    let note = checkpoint.sign(&key);
    assert_eq!(read(&note), [checkpoint]);
    let mut changed = note.into_bytes();
    for change in changes.chunks_exact(2) {
        let place = usize::from(change[0]) % changed.len();
        changed[place] = change[1];
    }
    if let Ok(changed) = std::str::from_utf8(&changed) {
        assert!(read(changed).iter().all(|found| *found == checkpoint));
    }
}
