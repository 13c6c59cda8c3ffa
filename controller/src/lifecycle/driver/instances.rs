//! Operations on instances that are there: run, committed, and then sent.

use super::{Lifecycle, unhurried};
use crate::{
    api::ports::AlsoWritten,
    lifecycle::{
        change_password, create_batch, delete, modify_ip, operation,
        refusal::Refusal,
        rehearse::{self, End, Would},
        reinstall,
        rules::Rules,
    },
    request::{CreateBatch, ImageOs, ModifyIp},
    store::{Transaction, record::Instance},
};
use billet_proto::{
    ImageId, InstanceId, ProjectId,
    planted::{self, Bug},
};
use std::sync::Arc;
use zeroize::Zeroizing;

impl Lifecycle {
    /// Runs an operation, and sends the orders of the instances that it answers.
    pub(super) async fn on_instances(
        &self,
        work: impl FnOnce(&mut dyn Transaction, &Rules) -> Result<Vec<Instance>, Refusal> + Clone + Send + 'static,
    ) -> Result<(), Refusal> {
        let (rules, lifecycle) = (self.rules(), self.clone());
        unhurried(async move {
            if planted::is(Bug::CommitAfterDispatch) {
                lifecycle.dispatch_uncommitted(work.clone()).await;
            }
            for instance in lifecycle.transact(move |tx| work(tx, &rules)).await? {
                lifecycle.dispatch(instance).await;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn rehearse_batch(&self, project: ProjectId, batch: Arc<CreateBatch>) -> Result<Would, Refusal> {
        let (rules, edge, secrets) = (self.rules(), self.parts.edge.clone(), self.parts.secrets.clone());
        let work = move |tx: &mut dyn Transaction| {
            End::of(create_batch::accept(tx, &rules, &edge, &secrets, (&project, &batch, "")))
        };
        rehearse::answer(self.parts.store.run(work).await)
    }

    pub(super) async fn accept_batch(
        &self,
        (project, batch): (ProjectId, Arc<CreateBatch>),
        hash: Zeroizing<String>,
        also: Option<AlsoWritten>,
    ) -> Result<Vec<InstanceId>, Refusal> {
        let (rules, edge, secrets) = (self.rules(), self.parts.edge.clone(), self.parts.secrets.clone());
        let lifecycle = self.clone();
        let accept = move |tx: &mut dyn Transaction| {
            let made = create_batch::accept(tx, &rules, &edge, &secrets, (&project, &batch, &hash))?;
            let ids: Vec<InstanceId> = made.iter().map(|instance| instance.id).collect();
            also.map_or(Ok(()), |write| write(tx, &ids))?;
            Ok::<_, Refusal>((made, ids))
        };
        unhurried(async move {
            let (made, ids) = lifecycle.transact(accept).await?;
            for instance in made {
                lifecycle.dispatch(instance).await;
            }
            Ok(ids)
        })
        .await
    }

    pub(super) async fn accept_deletions(&self, project: ProjectId, ids: Vec<InstanceId>) -> Result<(), Refusal> {
        self.on_instances(move |tx, rules| {
            operation::find(tx, Some(&project), &ids)?;
            let each = ids.iter().map(|id| delete::delete(tx, rules, Some(&project), *id));
            Ok(each.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
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

    /// Runs an operator's operation on one instance, sends its order, and answers how it stands.
    pub(super) async fn on_instance(
        &self,
        work: impl FnOnce(&mut dyn Transaction, &Rules) -> Result<Instance, Refusal> + Send + 'static,
    ) -> Result<Instance, Refusal> {
        let (rules, lifecycle) = (self.rules(), self.clone());
        unhurried(async move {
            let instance = lifecycle.transact(move |tx| work(tx, &rules)).await?;
            lifecycle.dispatch(instance.clone()).await;
            Ok(instance)
        })
        .await
    }

    pub(super) async fn accept_ip(&self, project: ProjectId, id: InstanceId, request: ModifyIp) -> Result<(), Refusal> {
        self.on_instances(move |tx, rules| Ok(vec![modify_ip::accept(tx, rules, &project, (id, &request))?])).await
    }
}
