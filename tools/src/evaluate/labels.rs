//! From a data set's words for its classes to a network's outputs.

use std::collections::HashMap;

/// Finds a network's output by what a data set calls it.
#[derive(Clone, Debug)]
pub struct Labels {
    exact: HashMap<String, usize>,
    /// Letters and digits alone, in lower case; nothing where two labels are the same then.
    plain: HashMap<String, Option<usize>>,
    count: usize,
}

impl Labels {
    /// Of a network's labels, in the order of its outputs.
    pub fn new(labels: &[String]) -> Labels {
        let mut plain = HashMap::new();
        for (index, label) in labels.iter().enumerate() {
            plain
                .entry(plainly(label))
                .and_modify(|found| *found = None)
                .or_insert(Some(index));
        }
        let exact = labels.iter().cloned().zip(0..).collect();
        let count = labels.len();
        Labels {
            exact,
            plain,
            count,
        }
    }

    /// The output of a name: the very same, else one of the same letters and digits
    /// (`ApplyEyeMakeup` and `apply eye makeup`).
    pub fn named(&self, name: &str) -> Option<usize> {
        let exact = self.exact.get(name).copied();
        exact.or_else(|| self.plain.get(&plainly(name)).copied().flatten())
    }

    /// The output of a name, or of a number from 0.
    pub fn named_or_numbered(&self, word: &str) -> Option<usize> {
        let number = || word.parse().ok().filter(|number| *number < self.count);
        self.named(word).or_else(number)
    }
}

fn plainly(name: &str) -> String {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_spelled_and_never_by_guess() {
        let labels = ["apply eye makeup", "Swiping Left", "swiping-left"];
        let labels = Labels::new(&labels.map(String::from));
        assert_eq!(labels.named("ApplyEyeMakeup"), Some(0));
        assert_eq!(labels.named("Swiping Left"), Some(1));
        assert_eq!(labels.named("swiping_left"), None);
        assert_eq!(labels.named("2"), None);
        assert_eq!(labels.named_or_numbered("2"), Some(2));
        assert_eq!(labels.named_or_numbered("3"), None);
    }
}
