//! The bounds of the contract, which everything this sink returns keeps. A host ends a component
//! that breaks one.

/// Cuts a text that is too long at a character boundary. A cut text ends with `…`.
pub fn text(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX - CUT.len()));
        text.push_str(CUT);
    }
    text
}

/// Whether a text is within the bound. Use this for names: a name that was cut is of no use.
pub fn fits(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX
}

/// How many of the problems of an error may pass, whose fields and messages are so long. There is
/// always room for one.
pub fn problems(bytes: impl IntoIterator<Item = usize>) -> usize {
    let sums = bytes.into_iter().take(PROBLEMS_MAX).scan(0, |sum, bytes| {
        *sum += bytes;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= PROBLEMS_BYTES_MAX).count()
}

/// How long a text may be.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// How long the schema may be.
pub const SCHEMA_BYTES_MAX: usize = 1 << 20;
/// How many notices a call may return.
pub const NOTICES_MAX: usize = 1_000;
/// How many problems an error may have.
pub const PROBLEMS_MAX: usize = 100;
/// How long their texts may be, all together.
pub const PROBLEMS_BYTES_MAX: usize = 64 << 10;
const CUT: &str = "…";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let whole = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(text(whole.clone()), whole);
        // 4,093 bytes are left, and each character takes two.
        let cut = text("é".repeat(TEXT_BYTES_MAX));
        assert_eq!(cut, "é".repeat(2_046) + CUT);
        assert!(fits(&cut) && !fits(&(whole + "x")));
    }

    #[test]
    fn no_more_problems_pass_than_may() {
        assert_eq!(problems([10; PROBLEMS_MAX + 1]), PROBLEMS_MAX);
        assert_eq!(problems([TEXT_BYTES_MAX; 20]), PROBLEMS_BYTES_MAX / TEXT_BYTES_MAX);
        assert_eq!(problems([2 * TEXT_BYTES_MAX]), 1);
    }

    #[test]
    fn the_schema_is_within_its_bound() {
        assert!(crate::schema::schema().len() <= SCHEMA_BYTES_MAX);
    }
}
