//! How much a set of tests tests, as far as counting shows: tests, assertions, skips.

use regex::Regex;
use std::sync::LazyLock;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) tests: usize,
    pub(crate) assertions: usize,
    pub(crate) skips: usize,
}

static TESTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^\s*(?:async\s+)?def test|^\s*#\[(?:\w+::)*test\b|^func Test\w|^\s*@(?:Test|ParameterizedTest)\b|^\s*(?:it|test|specify)(?:\.\w+)*\s*\(|^\s*(?:it|specify|test)\s+["']|^@test\b|\[(?:Fact|Theory|Test|TestMethod)\]"#,
    )
});

static ASSERTIONS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\bassert\w*!?\b|\bexpect\s*\(|\.should\b|\bt\.(?:Error|Errorf|Fatal|Fatalf)\(|\brequire\.\w+\(|\bAssert\.\w+\(|\bEXPECT_\w+\(|\bASSERT_\w+\(|\bpytest\.raises\b|\btest\s+-[a-z]\b|\[\s.*\s\]",
    )
});

static SKIPS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"@(?:unittest\.)?skip|pytest\.(?:mark\.)?(?:skip|xfail)|\bskipTest\(|#\[ignore|\bt\.Skip|\b(?:it|test|describe)\.(?:skip|todo)\b|\bx(?:it|describe|test)\s*\(|@(?:Disabled|Ignore)\b|\bpending\b|# *SKIP\b|\bSkip\s*=",
    )
});

fn pattern(text: &str) -> Regex {
    regex::RegexBuilder::new(text)
        .multi_line(true)
        .build()
        .expect("BUG: the pattern is valid")
}

/// Counts in one text.
pub(crate) fn weigh(text: &str) -> Weight {
    Weight {
        tests: TESTS.find_iter(text).count(),
        assertions: ASSERTIONS.find_iter(text).count(),
        skips: SKIPS.find_iter(text).count(),
    }
}

impl std::ops::Add for Weight {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            assertions: self.assertions + other.assertions,
            skips: self.skips + other.skips,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_assertions_and_skips_are_counted_in_the_usual_languages() {
        for (text, tests, assertions, skips) in [
            (
                "@pytest.mark.skip\ndef test_a():\n    assert f() == 1\n",
                1,
                1,
                1,
            ),
            (
                "#[test]\n#[ignore]\nfn a() { assert_eq!(1, 1); }\n",
                1,
                1,
                1,
            ),
            ("func TestA(t *testing.T) {\n\tt.Fatal(1)\n}\n", 1, 1, 0),
            (
                "it('a', () => { expect(1).toBe(1); });\nit.skip('b', () => {});\n",
                2,
                1,
                1,
            ),
            ("@Test\nvoid a() { assertEquals(1, 1); }\n", 1, 1, 0),
            (
                "class T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 1)\n",
                1,
                1,
                0,
            ),
        ] {
            let seen = weigh(text);
            assert_eq!(
                (seen.tests, seen.assertions, seen.skips),
                (tests, assertions, skips),
                "{text}"
            );
        }
    }
}
