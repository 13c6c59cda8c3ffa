//! Operations on instances that are there: run, committed, and then sent.

use super::{Lifecycle, unhurried};
use crate::{
    lifecycle::{change_password, modify_ip, refusal::Refusal, reinstall, rules::Rules},
    request::{ImageOs, ModifyIp},
    store::{Transaction, record::Instance},
};
use billet_proto::{ImageId, InstanceId, ProjectId};
use zeroize::Zeroizing;

impl Lifecycle {
    /// Runs an operation, and sends the orders of the instances that it answers.
    async fn on_instances(
        &self,
        work: impl FnOnce(&mut dyn Transaction, &Rules) -> Result<Vec<Instance>, Refusal> + Send + 'static,
    ) -> Result<(), Refusal> {
        let (rules, lifecycle) = (self.rules(), self.clone());
        unhurried(async move {
            for instance in lifecycle.transact(move |tx| work(tx, &rules)).await? {
                lifecycle.dispatch(instance).await;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn check_reinstall(
        &self,
        project: ProjectId,
        ids: Vec<InstanceId>,
        image: Option<ImageId>,
    ) -> Result<Vec<ImageOs>, Refusal> {
        self.parts.store.run(move |tx| reinstall::check(tx, &project, &ids, image)).await
    }

    pub(super) async fn accept_reinstall(
        &self,
        project: ProjectId,
        (ids, image): (Vec<InstanceId>, Option<ImageId>),
        hash: Zeroizing<String>,
    ) -> Result<(), Refusal> {
        let secrets = self.parts.secrets.clone();
        self.on_instances(move |tx, rules| reinstall::accept(tx, rules, &secrets, &project, (&ids, image, &hash))).await
    }

    pub(super) async fn check_password(
        &self,
        project: ProjectId,
        ids: Vec<InstanceId>,
    ) -> Result<Vec<ImageOs>, Refusal> {
        self.parts.store.run(move |tx| change_password::check(tx, &project, &ids)).await
    }

    pub(super) async fn accept_password(
        &self,
        project: ProjectId,
        ids: Vec<InstanceId>,
        hash: Zeroizing<String>,
    ) -> Result<(), Refusal> {
        let (rules, secrets) = (self.rules(), self.parts.secrets.clone());
        self.transact(move |tx| change_password::accept(tx, &rules, &secrets, &project, (&ids, &hash))).await
    }

    pub(super) async fn accept_ip(&self, project: ProjectId, id: InstanceId, request: ModifyIp) -> Result<(), Refusal> {
        self.on_instances(move |tx, rules| Ok(vec![modify_ip::accept(tx, rules, &project, (id, &request))?])).await
    }
}
