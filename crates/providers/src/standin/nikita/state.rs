//! What the SMS stand-in remembers.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use domain::Tyiyn;
use serde::{Deserialize, Serialize};

use super::super::AnswerFault;

/// Messages that are remembered, and with them the ids whose second use is refused.
const MESSAGES_MAX: usize = 2_000;

/// Every fault that can be switched on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NikitaFaults {
    /// What is answered instead of the truth, to any call.
    pub answer: AnswerFault,
    /// The call is carried out all the same, and only its answer is lost.
    pub act_before_faulty_answer: bool,
    /// So many faulty answers and forced statuses, then none; `null`: until switched off.
    pub faulty_answers_left: Option<u32>,
    /// How long `hang` takes.
    pub hang_ms: u64,
    /// The status that /message, /dr, /def, /info give without doing anything; `null`: the true one.
    pub message_status: Option<u32>,
    pub dr_status: Option<u32>,
    pub def_status: Option<u32>,
    pub info_status: Option<u32>,
    /// The code of delivery reports.
    pub report: u32,
    /// A repetition with the same text is answered with 0 instead of 10; nothing is sent twice either way.
    pub duplicate_answers_zero: bool,
    /// The account is in test mode: 11.
    pub test_account: bool,
    /// Answers without their namespace.
    pub without_namespace: bool,
    pub push_off: bool,
}

impl Default for NikitaFaults {
    fn default() -> Self {
        Self {
            answer: AnswerFault::None,
            act_before_faulty_answer: false,
            faulty_answers_left: None,
            hang_ms: 60_000,
            message_status: None,
            dr_status: None,
            def_status: None,
            info_status: None,
            report: 3,
            duplicate_answers_zero: false,
            test_account: false,
            without_namespace: false,
            push_off: false,
        }
    }
}

/// A message that was taken over.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Message {
    pub id: String,
    pub sender: String,
    /// Digits, `996…`.
    pub phone: String,
    pub text: String,
    pub parts: usize,
    pub at: DateTime<Utc>,
}

pub(super) struct Mailbox {
    pub faults: NikitaFaults,
    pub balance: Tyiyn,
    /// Oldest first.
    pub messages: VecDeque<Message>,
}

impl Mailbox {
    pub fn new(balance: Tyiyn) -> Self {
        Self { faults: NikitaFaults::default(), balance, messages: VecDeque::new() }
    }
    pub fn of_id<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Message> {
        self.messages.iter().filter(move |m| m.id == id)
    }
    pub fn add(&mut self, message: Message) {
        if self.messages.len() >= MESSAGES_MAX {
            self.messages.pop_front();
        }
        self.messages.push_back(message);
    }
    /// Whether a fault strikes now; counts down.
    pub fn fault_strikes(&mut self) -> bool {
        match &mut self.faults.faulty_answers_left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}
