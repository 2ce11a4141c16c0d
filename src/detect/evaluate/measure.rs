//! The measures: confusion with what follows from it, area under the curve, rank correlation.

/// How often each class was taken for which.
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    words: Vec<&'static str>,
    /// By what people say, then by what was found.
    counts: Vec<usize>,
}

impl Confusion {
    pub(super) fn new(words: Vec<&'static str>) -> Self {
        let counts = vec![0; words.len() * words.len()];
        Self { words, counts }
    }

    pub(super) fn add(&mut self, gold: usize, found: usize) {
        if let Some(count) = self.counts.get_mut(gold * self.words.len() + found) {
            *count += 1;
        }
    }

    /// The classes.
    pub fn words(&self) -> &[&'static str] {
        &self.words
    }

    /// How often people said one class where another was found.
    pub fn count(&self, gold: usize, found: usize) -> usize {
        self.counts.get(gold * self.words.len() + found).copied().unwrap_or(0)
    }

    /// All texts.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Of what was found to be this class, how much people say is. 0 where nothing was found.
    pub fn precision(&self, class: usize) -> f64 {
        let found = (0..self.words.len()).map(|gold| self.count(gold, class)).sum();
        ratio(self.count(class, class), found)
    }

    /// Of what people say is this class, how much was found. 0 where there is none.
    pub fn recall(&self, class: usize) -> f64 {
        let gold = (0..self.words.len()).map(|found| self.count(class, found)).sum();
        ratio(self.count(class, class), gold)
    }

    /// Harmonic mean of precision and recall.
    pub fn f1(&self, class: usize) -> f64 {
        let (precision, recall) = (self.precision(class), self.recall(class));
        if precision + recall == 0.0 {
            0.0
        } else {
            2.0 * precision * recall / (precision + recall)
        }
    }

    /// Mean of F1 over the classes that occur.
    pub fn macro_f1(&self) -> f64 {
        let occurs = |class: &usize| {
            (0..self.words.len()).any(|at| self.count(*class, at) + self.count(at, *class) > 0)
        };
        let scores: Vec<f64> =
            (0..self.words.len()).filter(occurs).map(|class| self.f1(class)).collect();
        if scores.is_empty() { 0.0 } else { scores.iter().sum::<f64>() / scores.len() as f64 }
    }

    /// Share of texts in which people and detector agree.
    pub fn accuracy(&self) -> f64 {
        ratio((0..self.words.len()).map(|class| self.count(class, class)).sum(), self.total())
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How often a text that is of the class scores higher than one that is not (Mann and Whitney; a tie
/// counts half). None where one of the two kinds is missing.
pub fn auc(scores: &[(f64, bool)]) -> Option<f64> {
    let values: Vec<f64> = scores.iter().map(|(score, _)| *score).collect();
    let ranks = ranks(&values);
    let positive = scores.iter().filter(|(_, is)| *is).count() as f64;
    let negative = scores.len() as f64 - positive;
    if positive == 0.0 || negative == 0.0 {
        return None;
    }
    let sum: f64 = ranks.iter().zip(scores).filter(|(_, (_, is))| *is).map(|(rank, _)| rank).sum();
    Some((sum - positive * (positive + 1.0) / 2.0) / (positive * negative))
}

/// Spearman's rank correlation, ties by their mean rank. None where one side is all the same.
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let (first, second): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let (first, second) = (ranks(&first), ranks(&second));
    let mean = (pairs.len() as f64 + 1.0) / 2.0;
    let (mut both, mut of_first, mut of_second) = (0.0, 0.0, 0.0);
    for (a, b) in first.iter().zip(&second) {
        both += (a - mean) * (b - mean);
        of_first += (a - mean) * (a - mean);
        of_second += (b - mean) * (b - mean);
    }
    let spread = (of_first * of_second).sqrt();
    (spread > 0.0).then(|| both / spread)
}

/// Ranks from 1 on; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for alike in order.chunk_by(|a, b| a.0 == b.0) {
        let rank = before as f64 + (alike.len() as f64 + 1.0) / 2.0;
        for (_, at) in alike {
            if let Some(place) = ranks.get_mut(*at) {
                *place = rank;
            }
        }
        before += alike.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        assert_eq!(auc(&[(0.1, false), (0.9, true)]), Some(1.0));
        assert_eq!(auc(&[(0.5, false), (0.5, true)]), Some(0.5));
        assert_eq!(auc(&[(0.1, true), (0.5, false), (0.5, true), (0.7, true)]), Some(0.5));
        assert_eq!(auc(&[(0.1, true)]), None);
    }

    #[test]
    fn ranks_correlate() {
        assert_eq!(spearman(&[(1.0, 10.0), (2.0, 20.0), (3.0, 90.0)]), Some(1.0));
        assert_eq!(spearman(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]), Some(-1.0));
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0)]), None);
        // By hand: ranks 1.5 1.5 3 4 against 1 2 3.5 3.5.
        let with_ties = [(1.0, 1.0), (1.0, 2.0), (2.0, 5.0), (3.0, 5.0)];
        assert!((spearman(&with_ties).unwrap() - 4.0 / 4.5).abs() < 1e-12);
    }

    #[test]
    fn confusion_tells_what_it_counts() {
        let mut confusion = Confusion::new(vec!["no", "yes"]);
        for (gold, found, times) in [(0, 0, 5), (0, 1, 1), (1, 0, 2), (1, 1, 2)] {
            (0..times).for_each(|_| confusion.add(gold, found));
        }
        assert_eq!(confusion.total(), 10);
        assert_eq!(confusion.accuracy(), 0.7);
        assert_eq!(confusion.recall(1), 0.5);
        assert_eq!(confusion.precision(1), 2.0 / 3.0);
    }
}
