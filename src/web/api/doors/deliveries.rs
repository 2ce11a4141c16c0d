//! Deliveries and alerts.

use actix_web::http::Method;

use super::super::deliveries::DeliveryOut;
use super::super::delivery_acts::ManyOut;
use super::super::describe::{About, call};
use super::super::{Page, alerts, deliveries};
use super::{Door, EDIT, VIEW, door};
use crate::domain::delivery::State;
use crate::web::error::Code;

const TAG: &str = "deliveries";

fn one(id: &'static str, summary: &'static str, text: &'static str) -> About {
    call(id, TAG, summary, text)
        .takes_nothing()
        .gives::<DeliveryOut>(200, "The delivery.")
        .refuses(&[Code::Conflict])
}

fn many(id: &'static str, summary: &'static str, text: &'static str, states: &[State]) -> About {
    call(id, TAG, summary, text)
        .takes_nothing()
        .of_deliveries(states, true)
        .can_be_dry()
        .gives::<ManyOut>(200, "What was done, or would be.")
}

pub(super) fn doors() -> Vec<Door> {
    let list = call("listDeliveries", TAG, "List deliveries", "Newest first.")
        .of_deliveries(State::ALL, false)
        .paged()
        .gives::<Page<DeliveryOut>>(200, "A page of deliveries.");
    let read = call(
        "readDelivery",
        TAG,
        "Read a delivery",
        "With every attempt: when, how long in which phase, what was sent where, and what came back.",
    )
    .gives::<DeliveryOut>(200, "The delivery.");
    let retry = one(
        "retryDelivery",
        "Try a delivery now",
        "A dead one is tried again for as long as a new one; one that waits is due now. In other states \
         it makes no sense and is refused.",
    );
    let discard = one(
        "discardDelivery",
        "Never send a delivery",
        "One that is delivered or discarded is refused. An attempt that is under way still ends, and is \
         written into the history.",
    );
    let retry_many = many(
        "retryDeliveries",
        "Try many dead deliveries again",
        "Those that a list with the same query shows, 10,000 a call: call again while `more` is true.",
        &[State::Dead],
    );
    let discard_many = many(
        "discardDeliveries",
        "Never send many deliveries",
        "Those that a list with the same query shows, 10,000 a call: call again while `more` is true.",
        &[State::Dead, State::Pending, State::InFlight],
    );
    let alert =
        call("readAlert", TAG, "Read an alert", "The very body that is sent, and its deliveries.")
            .gives::<alerts::AlertOut<'_>>(200, "The alert.");
    vec![
        door(Method::GET, "/v1/deliveries", VIEW, deliveries::list, list),
        door(Method::POST, "/v1/deliveries/retry", EDIT, deliveries::retry_many, retry_many),
        door(Method::POST, "/v1/deliveries/discard", EDIT, deliveries::discard_many, discard_many),
        door(Method::GET, "/v1/deliveries/{id}", VIEW, deliveries::read, read),
        door(Method::POST, "/v1/deliveries/{id}/retry", EDIT, deliveries::retry, retry),
        door(Method::POST, "/v1/deliveries/{id}/discard", EDIT, deliveries::discard, discard),
        door(Method::GET, "/v1/alerts/{id}", VIEW, alerts::read, alert),
    ]
}
