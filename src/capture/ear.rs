//! What an end of a connection says, as it is taken by who it is.

use std::net::IpAddr;

use crate::evidence::DnsAnswer;
use crate::flow::SeenPayload;

use super::dialogue::Heard;
use super::dialogue::Listener;
use super::exchange::Said;
use super::names::dns;
use super::names::first::Ports;
use super::story::Mark;
use super::story::Read;
use super::story::Story;
use super::stream::Piece;

/// What an end is to its connection, as far as is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// It asks: it opened the connection, or was seen first of one that was caught in the middle.
    Client,
    /// It or the other end asks.
    Either,
    /// The other end opened the connection, and it was not seen to accept: it may ask.
    Unaccepting,
    /// The other end was seen first of a connection that was caught in the middle.
    Second,
    /// It has accepted what the other end opened: what it asks, it asks nobody.
    Server,
}

impl Role {
    /// Whether what it began to say and did not end is a question.
    pub(super) fn may_ask(self) -> bool {
        match self {
            Role::Client | Role::Either | Role::Unaccepting => true,
            Role::Second | Role::Server => false,
        }
    }
}

/// What is known of an end while it is listened to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ear {
    pub(super) role: Role,
    /// Whether it was seen first.
    pub(super) by_first: bool,
    pub(super) ports: Ports,
    /// The address that the end talks to, and its own.
    pub(super) asking: IpAddr,
    pub(super) answering: IpAddr,
    pub(super) mark: Mark,
}

impl Ear {
    /// Takes what `listener` hears in the next piece of what the end says.
    pub(super) fn hear(
        &self,
        listener: &mut Listener,
        piece: Piece<'_>,
        story: &mut Story,
        answer: &mut impl FnMut(DnsAnswer),
    ) {
        listener.take(piece, self.ports, &mut |heard| match heard {
            Heard::Unknown => match self.role {
                Role::Client => story.hear(heard, self.mark),
                Role::Either | Role::Unaccepting => story.suspect(self.mark),
                // A server may greet first in a protocol that is known by what the client says.
                Role::Second | Role::Server => {}
            },
            Heard::Behind => {
                if self.role.may_ask() {
                    story.open(SeenPayload::Unknown, self.mark);
                }
            }
            Heard::Opening(..)
            | Heard::Name(..)
            | Heard::Note(_)
            | Heard::Incomplete
            | Heard::Cut
            | Heard::AsksToUpgrade
            | Heard::Upgraded
            | Heard::AsksForTunnel
            | Heard::BehindTunnel(_)
                if self.role == Role::Server => {}
            Heard::Dns(message) => {
                let Ear { by_first, asking, answering, mark, .. } = *self;
                let said = Said { by_first, on_connection: true, at: mark.at };
                answer_to(message, said, asking, answering, story, answer);
            }
            Heard::DnsLost => {
                let Ear { role, asking, answering, mark, .. } = *self;
                let at = mark.at;
                if role != Role::Server {
                    story.lose_dns(answering, asking, at);
                }
                if !matches!(role, Role::Client | Role::Unaccepting) {
                    story.lose_dns(asking, answering, at);
                }
            }
            heard => story.hear(heard, self.mark),
        });
    }
}

/// Takes a message of DNS that `server` said to `client`, or the other way round; the response that it is
/// goes to `answer`. Tells whether it is one that can be read.
pub(super) fn answer_to(
    message: &[u8],
    said: Said,
    client: IpAddr,
    server: IpAddr,
    story: &mut Story,
    answer: &mut impl FnMut(DnsAnswer),
) -> bool {
    let Some(read) = story.dns(message, server, client, said) else { return false };
    if let Read::Response(response, solicited) = read {
        let dns::Response { question, code, records, .. } = response;
        // A response to another question says nothing of addresses, not even that there are none.
        if let Some(asked) = question.asked() {
            let (at, question) = (said.at.timestamp(), question.name);
            answer(DnsAnswer { at, client, server, solicited, question, asked, code, records });
        }
    }
    true
}
