//! The order of classes by their scores.

use praxiscope_runtime::stream::probabilities;

/// Classes of an answer that are kept: what top-5 needs.
pub const KEPT: usize = 5;

/// The best classes, best first; of equal scores the class that stands first. Nothing where a score is
/// no number.
pub fn best(scores: &[f64]) -> Vec<u32> {
    if scores.iter().any(|score| score.is_nan()) {
        return vec![];
    }
    let mut classes: Vec<usize> = (0..scores.len()).collect();
    classes.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    classes.truncate(KEPT);
    classes.into_iter().map(|class| class as u32).collect()
}

/// The mean of the probabilities of those views that were answered; nothing without one.
pub fn mean_probabilities(views: &[Option<Vec<f32>>]) -> Option<Vec<f64>> {
    let mut sum: Option<Vec<f64>> = None;
    let answered = views.iter().flatten();
    let count = answered.clone().count() as f64;
    for logits in answered {
        let view = probabilities(logits);
        match &mut sum {
            None => sum = Some(view),
            Some(sum) => sum.iter_mut().zip(view).for_each(|(sum, p)| *sum += p),
        }
    }
    sum.map(|sum| sum.into_iter().map(|total| total / count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_equals_in_the_order_of_the_labels() {
        assert_eq!(best(&[0.1, 0.7, 0.1, 0.7, 0.0, 0.2]), [1, 3, 5, 0, 2]);
        assert!(best(&[0.1, f64::NAN]).is_empty());
    }

    #[test]
    fn views_are_averaged_by_their_probabilities() {
        let sure = Some(vec![100.0, 0.0]);
        let mean = mean_probabilities(&[sure.clone(), None, Some(vec![0.0, 0.0])]).unwrap();
        assert!((mean[0] - 0.75).abs() < 1e-12);
        assert_eq!(mean_probabilities(&[None]), None);
        assert_eq!(mean_probabilities(&[sure]).unwrap()[0], 1.0);
    }
}
