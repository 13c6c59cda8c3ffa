//! A UDP relay that loses packets on order.

use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::UdpSocket, task::JoinHandle};

#[derive(Default)]
struct Rules {
    random: Option<StdRng>,
    /// Counts answers; those of these numbers are lost.
    answers: u32,
    losing: Vec<u32>,
    lost: u32,
}

impl Rules {
    fn loses(&mut self, answer: bool) -> bool {
        let mut lose = self.random.as_mut().is_some_and(|random| random.random_ratio(1, 4));
        if answer {
            self.answers += 1;
            lose |= self.losing.contains(&self.answers);
        }
        self.lost += u32::from(lose);
        lose
    }
}

/// Stands before a BMC until dropped.
pub struct Relay {
    pub address: SocketAddr,
    rules: Arc<Mutex<Rules>>,
    task: JoinHandle<()>,
}

impl Relay {
    pub async fn start(bmc: SocketAddr) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = front.local_addr().unwrap();
        let rules = Arc::<Mutex<Rules>>::default();
        let shared = Arc::clone(&rules);
        let task = tokio::spawn(async move {
            // One client at a time; a new socket of it is a new client to the BMC too.
            let (mut client, mut back) = (None, UdpSocket::bind("127.0.0.1:0").await.unwrap());
            let (mut asked, mut answered) = ([0; 1500], [0; 1500]);
            loop {
                tokio::select! {
                    Ok((length, from)) = front.recv_from(&mut asked) => {
                        if client != Some(from) {
                            client = Some(from);
                            back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                        }
                        if !shared.lock().unwrap().loses(false) {
                            back.send_to(&asked[..length], bmc).await.unwrap();
                        }
                    }
                    Ok((length, _)) = back.recv_from(&mut answered) => {
                        let lost = shared.lock().unwrap().loses(true);
                        if let (Some(client), false) = (client, lost) {
                            let _ = front.send_to(&answered[..length], client).await;
                        }
                    }
                }
            }
        });
        Self { address, rules, task }
    }

    /// Loses a quarter of the packets in either direction, the same ones for the same seed.
    pub fn lose_one_in_four(&self, seed: u64) {
        self.rules.lock().unwrap().random = Some(StdRng::seed_from_u64(seed));
    }

    /// Loses the nth answer from now, 1 being the next.
    pub fn lose_answer(&self, nth: u32) {
        self.lose_answers(&[nth]);
    }

    /// Loses these answers from now, 1 being the next.
    pub fn lose_answers(&self, which: &[u32]) {
        let mut rules = self.rules.lock().unwrap();
        (rules.answers, rules.losing) = (0, which.to_vec());
    }

    pub fn lost(&self) -> u32 {
        self.rules.lock().unwrap().lost
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
