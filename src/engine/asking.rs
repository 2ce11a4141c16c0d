//! One question to the classifier, where its circuit lets it through. Failures in a row open the circuit; then one
//! question now and then finds out whether the classifier is well again.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::ports::{Classifier, Question, Said, Terms};
use super::shared::Shared;
use crate::detect::external::{Breaker, Leave, Opinion, Reason, Unanswered};

/// The classifier with its circuit.
#[derive(Clone)]
pub(super) struct Asked {
    shared: Arc<Shared>,
    classifier: Arc<dyn Classifier>,
    breaker: Rc<RefCell<Breaker>>,
}

impl Asked {
    pub(super) fn new(shared: Arc<Shared>, classifier: Arc<dyn Classifier>) -> Self {
        Self { shared, classifier, breaker: Rc::default() }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn terms(&self) -> Option<Terms> {
        self.classifier.terms()
    }

    /// What it says, and how long that took where it was asked.
    pub(super) async fn ask(
        &self,
        question: Question,
    ) -> (Result<Opinion, Unanswered>, Option<Duration>) {
        let leave = self.breaker.borrow_mut().leave(self.shared.clock.now());
        if leave == Leave::Denied {
            let detail =
                "it failed too often just now: it is left alone, and tried again within a minute";
            return (Err(Unanswered::new(Reason::CircuitOpen, detail)), None);
        }
        // Whoever asks may go away meanwhile.
        let mut probe = Probe { asked: self, leave, told: false };
        let Said { opinion, took } = self.classifier.ask(question).await;
        probe.told = true;
        match &opinion {
            Err(unanswered) if unanswered.reason.blames() => self.failed(leave, unanswered),
            Err(_) => self.breaker.borrow_mut().given_up(leave),
            Ok(_) => self.answered(),
        }
        (opinion, Some(took))
    }

    fn answered(&self) {
        if self.breaker.borrow_mut().answered() {
            self.shared.classifier_left_alone.store(false, Ordering::Release);
            tracing::info!("the classifier answers again");
        }
    }

    fn failed(&self, leave: Leave, unanswered: &Unanswered) {
        if self.breaker.borrow_mut().failed(leave, self.shared.clock.now()) {
            self.shared.classifier_left_alone.store(true, Ordering::Release);
            let (reason, detail) = (unanswered.reason.word(), &unanswered.detail);
            tracing::warn!(
                reason,
                detail,
                "the classifier failed too often in a row: the built-in detector judges until it \
                 answers again"
            );
        }
    }
}

/// A question under way.
struct Probe<'a> {
    asked: &'a Asked,
    leave: Leave,
    told: bool,
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.asked.breaker.borrow_mut().given_up(self.leave);
        }
    }
}
