"""Intermediate fusion: an encoder for each modality, trained with the head."""

from mmsk.fusion._intermediate_tasks import (
    BaseIntermediateFusionClassifier,
    BaseIntermediateFusionRegressor,
)


class IntermediateFusionClassifier(BaseIntermediateFusionClassifier):
    r"""Train an encoder for each modality, a fusion mechanism and a head together.

    Each modality's block is scaled and encoded by a network of its own; the
    mechanism fuses the encoded blocks of the modalities that a sample has, so
    that what stands in the columns of an absent one has no influence; a linear
    head predicts the classes. Trained by skorch like NeuralClassifier.

    Parameters
    ----------
    mechanism : str, Module or callable, default="concat"
        ``"concat"``: one layer on the encoded blocks side by side. ``"sum"``,
        ``"mean"``, ``"max"``: what they are mapped to, pooled.
        ``"weighted_sum"``: a weight a modality, the same for all samples.
        ``"gated"``: every sample chooses how much it trusts each modality.
        ``"attention"``: modalities attend to each other; ``"cross_modal"``: so
        do the frames of sequences. ``"bilinear"``, ``"tensor"``: products of
        features of different modalities. See the classes named ``*Fusion`` in
        `mmsk.modules`, which can be given themselves, with parameters as
        ``functools.partial(WeightedSumFusion, weights="feature")``, or any torch
        module of the same kind: a class or function is called with the widths of
        the blocks and `fusion_size`, a module is copied.
        Most go on with what is left where a modality is absent that training
        samples have; ``"gated"`` may lose much of it, and ``"bilinear"`` says
        nothing of use without `modality_dropout`.
    encoders : "auto" or dict, default="auto"
        For a modality by name: for vectors ``"mlp"`` or ``"identity"``, for
        pictures ``"cnn"``, for tokens ``"rnn"``, ``"mean"`` or
        ``"transformer"``, for sequences ``"crnn"``, ``"cnn"`` or ``"identity"``
        (their frames, for ``"cross_modal"``). The first one named here is taken
        for modalities without an entry. Or a torch module that maps the block
        ``(n, *shape)`` to ``(n, out_size)`` and has the attribute ``out_size``,
        which is copied; or what makes one from the shape of a sample (for tokens
        from their number), as ``functools.partial(ImageCNN, widths=(16, 32))``.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Layers of the ``"mlp"`` encoders.
    fusion_size : int, default=64
        Width of the fused block.
    dropout : float, default=0.0
        Share of the encoders' hidden units that are zeroed in training.
    modality_dropout : float, default=0.0
        Probability that a modality of a sample is hidden in training; at least
        one is kept. Prepares for samples that lack modalities: needed for these by
        the mechanism ``"bilinear"``, and good for ``"gated"``, if few or none of the
        training samples lack any. Where it is 0, a MissingModalityWarning tells of
        samples to predict that lack what every training sample has.
    auxiliary_loss : float, default=0.0
        Weight in training of the mean loss that a head on each encoder by itself
        would have, against one modality that drowns the others.
    decision : {"fused", "hybrid"} or dict, default="fused"
        Who predicts. ``"fused"``: the head on the fused block. ``"hybrid"``: that head
        and the heads of `auxiliary_loss`, one on each modality, together: the
        classes' probabilities are

        .. math:: q_c \propto \exp
                  \frac{\log f_c(x) + \sum_m p_m w_m \log f_{mc}(x_m)}
                  {1 + \sum_m p_m w_m}

        with the probabilities :math:`f` of the first head and :math:`f_m` of the
        others, :math:`p_m` being 1 for a modality that the sample has and 0 otherwise:
        a logarithmic opinion pool [5]_, as the product rule of late fusion is, inside
        of one net. For labels it is the mean of their log odds. All weights
        :math:`w_m` are 1; a dict has other ones by modality, at least 0, as a low one
        for a modality that is too sure of itself on samples of new groups. Needs an
        `auxiliary_loss` above 0; a loss on held-out rows is that of this decision.
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every vector block, see
        BlockScaler. ``None``: standardised columns.
    clip : float or None, default=None
        What is further than this many standard deviations from the mean of its
        column counts as that far, see BlockScaler. ``None``: as it is.
    loss : {"cross_entropy", "focal", "logit_adjusted"}, CrossEntropy, Focal, \
            LogitAdjusted or callable, default="cross_entropy"
        See NeuralClassifier.
    optimizer : {"adamw", "sgd"}, AdamW or SGD, default="adamw"
        ``AdamW(max_grad_norm=1.0)`` and ``SGD(momentum=0.9, max_grad_norm=1.0)``
        also clip gradients.
    lr : float, default=3e-3
        Learning rate.
    weight_decay : float, default=1e-2
        Weight decay.
    schedule : {"constant", "one_cycle", "cosine", "plateau"}, OneCycle, Cosine or \
            Plateau, default="constant"
        How the learning rate changes in a fit.
    max_epochs : int, default=50
        Passes over the training samples.
    batch_size : int, default=128
        Samples a step.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the samples (stratified; whole groups
        where fit is given groups), stop after `n_iter_no_change` epochs without
        a better loss on them, and keep the best weights. The blocks are scaled
        by all samples.
    validation_fraction : float, default=0.1
        See `early_stopping`.
    n_iter_no_change : int, default=10
        See `early_stopping`.
    n_members : int or Bootstrap, default=1
        Nets that are trained side by side and whose predictions are averaged,
        those of ``Bootstrap(k)`` on rows drawn with replacement.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss.
    callbacks : list of skorch callbacks, default=None
        Called in training.
    warm_start : bool, default=False
        Go on from the weights of the last fit.
    device : str or Device, default="auto"
        ``"auto"`` takes cuda, mps or cpu, whichever is there first.
    blocks : Blocks, default=None
        Layout of X; MultimodalClassifier fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block, with a SingleBlockWarning.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, batches and dropout. No global seed is touched.
    verbose : int, default=0
        Above 0, a line for each epoch.

    Attributes
    ----------
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    scaler_ : BlockScaler
        The fitted scaler of the chosen blocks.
    n_tokens_ : dict of str to int
        Number of tokens of each modality of tokens, by the training rows.
    state_ : dict of str to ndarray
        The weights of the module.
    net_ : skorch.NeuralNet
        The trained net; not part of a pickle.
    history_ : list of dict
        Losses of every epoch.
    n_iter_ : int
        Number of epochs.
    classes_ : ndarray of shape (n_classes,)
        The classes.
    class_prior_ : ndarray of shape (n_classes,)
        Their (weighted) shares of the samples that are not held out (of all,
        where these lack a class): the answer for samples without any modality.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, `encoders` is not as
        described, `decision` has no such weights, or needs heads that
        `auxiliary_loss` does not train.

    See Also
    --------
    EarlyFusionClassifier : One classifier on all blocks.
    LateFusionClassifier : One classifier for each modality.

    References
    ----------
    .. [1] J. Ngiam et al., "Multimodal Deep Learning", ICML, 2011.
    .. [2] J. Arevalo et al., "Gated Multimodal Units for Information Fusion",
           ICLR Workshop, 2017.
    .. [3] W. Wang, D. Tran, M. Feiszli, "What Makes Training Multi-modal
           Classification Networks Hard?", CVPR, 2020.
    .. [4] P. K. Atrey, M. A. Hossain, A. El Saddik, M. S. Kankanhalli, "Multimodal
           Fusion for Multimedia Analysis: a Survey", Multimedia Systems 16, 2010
           (hybrid fusion).
    .. [5] T. Heskes, "Selecting Weighting Factors in Logarithmic Opinion Pools",
           NIPS, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.fusion import IntermediateFusionClassifier
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = np.where(X[:, 0] * X[:, 2] > 0, "same", "opposite")
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> clf = IntermediateFusionClassifier(lr=1e-2, blocks=blocks, random_state=0)
    >>> clf.fit(X, y).score(X, y) > 0.9
    True
    """


class IntermediateFusionRegressor(BaseIntermediateFusionRegressor):
    r"""Train an encoder for each modality, a fusion mechanism and a head together.

    The twin of IntermediateFusionClassifier, trained by skorch like
    NeuralRegressor: on one target or several, standardised.

    Parameters
    ----------
    mechanism : str, Module or callable, default="concat"
        ``"concat"``: one layer on the encoded blocks side by side. ``"sum"``,
        ``"mean"``, ``"max"``: what they are mapped to, pooled.
        ``"weighted_sum"``: a weight a modality, the same for all samples.
        ``"gated"``: every sample chooses how much it trusts each modality.
        ``"attention"``: modalities attend to each other; ``"cross_modal"``: so
        do the frames of sequences. ``"bilinear"``, ``"tensor"``: products of
        features of different modalities. See the classes named ``*Fusion`` in
        `mmsk.modules`, which can be given themselves, with parameters as
        ``functools.partial(WeightedSumFusion, weights="feature")``, or any torch
        module of the same kind: a class or function is called with the widths of
        the blocks and `fusion_size`, a module is copied.
        Most go on with what is left where a modality is absent that training
        samples have; ``"gated"`` may lose much of it, and ``"bilinear"`` says
        nothing of use without `modality_dropout`.
    encoders : "auto" or dict, default="auto"
        For a modality by name: for vectors ``"mlp"`` or ``"identity"``, for
        pictures ``"cnn"``, for tokens ``"rnn"``, ``"mean"`` or
        ``"transformer"``, for sequences ``"crnn"``, ``"cnn"`` or ``"identity"``
        (their frames, for ``"cross_modal"``). The first one named here is taken
        for modalities without an entry. Or a torch module that maps the block
        ``(n, *shape)`` to ``(n, out_size)`` and has the attribute ``out_size``,
        which is copied; or what makes one from the shape of a sample (for tokens
        from their number), as ``functools.partial(ImageCNN, widths=(16, 32))``.
    modalities : list of str, default=None
        The modalities to use. ``None``: all.
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Layers of the ``"mlp"`` encoders.
    fusion_size : int, default=64
        Width of the fused block.
    dropout : float, default=0.0
        Share of the encoders' hidden units that are zeroed in training.
    modality_dropout : float, default=0.0
        Probability that a modality of a sample is hidden in training; at least
        one is kept. Prepares for samples that lack modalities: needed for these by
        the mechanism ``"bilinear"``, and good for ``"gated"``, if few or none of the
        training samples lack any. Where it is 0, a MissingModalityWarning tells of
        samples to predict that lack what every training sample has.
    auxiliary_loss : float, default=0.0
        Weight in training of the mean loss that a head on each encoder by itself
        would have, against one modality that drowns the others.
    decision : {"fused", "hybrid"} or dict, default="fused"
        Who predicts. ``"fused"``: the head on the fused block. ``"hybrid"``: the mean
        of that head and the heads of `auxiliary_loss`, one on each modality that the
        sample has:

        .. math:: y = \frac{f(x) + \sum_m p_m w_m f_m(x_m)}{1 + \sum_m p_m w_m}

        with :math:`p_m` 1 for such a modality and 0 otherwise. All weights :math:`w_m`
        are 1; a dict has other ones by modality, at least 0. Needs an
        `auxiliary_loss` above 0; a loss on held-out rows is that of this decision.
    block_norm : float or None, default=10.0
        The root mean square of the row norms of every vector block, see
        BlockScaler. ``None``: standardised columns.
    clip : float or None, default=None
        What is further than this many standard deviations from the mean of its
        column counts as that far, see BlockScaler. ``None``: as it is.
    loss : {"squared_error", "huber"}, SquaredError, Huber or callable, \
            default="squared_error"
        See NeuralRegressor.
    optimizer : {"adamw", "sgd"}, AdamW or SGD, default="adamw"
        ``AdamW(max_grad_norm=1.0)`` and ``SGD(momentum=0.9, max_grad_norm=1.0)``
        also clip gradients.
    lr : float, default=3e-3
        Learning rate.
    weight_decay : float, default=1e-2
        Weight decay.
    schedule : {"constant", "one_cycle", "cosine", "plateau"}, OneCycle, Cosine or \
            Plateau, default="constant"
        How the learning rate changes in a fit.
    max_epochs : int, default=50
        Passes over the training samples.
    batch_size : int, default=128
        Samples a step.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the samples (whole groups where fit
        is given groups), stop after `n_iter_no_change` epochs without
        a better loss on them, and keep the best weights. The blocks are scaled
        by all samples.
    validation_fraction : float, default=0.1
        See `early_stopping`.
    n_iter_no_change : int, default=10
        See `early_stopping`.
    n_members : int or Bootstrap, default=1
        Nets that are trained side by side and whose predictions are averaged,
        those of ``Bootstrap(k)`` on rows drawn with replacement.
    callbacks : list of skorch callbacks, default=None
        Called in training.
    warm_start : bool, default=False
        Go on from the weights of the last fit.
    device : str or Device, default="auto"
        ``"auto"`` takes cuda, mps or cpu, whichever is there first.
    blocks : Blocks, default=None
        Layout of X; MultimodalRegressor fills it. ``None`` reads it from the
        column names of a DataFrame (``"text__cat"``), and takes an array as one
        block, with a SingleBlockWarning.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, batches and dropout. No global seed is touched.
    verbose : int, default=0
        Above 0, a line for each epoch.

    Attributes
    ----------
    blocks_ : Blocks
        Layout of X.
    modalities_ : list of str
        The modalities that are used.
    scaler_ : BlockScaler
        The fitted scaler of the chosen blocks.
    n_tokens_ : dict of str to int
        Number of tokens of each modality of tokens, by the training rows.
    state_ : dict of str to ndarray
        The weights of the module.
    net_ : skorch.NeuralNet
        The trained net; not part of a pickle.
    history_ : list of dict
        Losses of every epoch.
    n_iter_ : int
        Number of epochs.
    y_mean_, y_scale_ : ndarray of shape (n_targets,)
        (Weighted) mean and standard deviation of y; the mean is the answer for
        samples without any modality.
    y_ndim_ : int
        Number of dimensions of y in fit, and of what is predicted.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a frame.

    Raises
    ------
    ValueError
        If a modality is unknown, X does not fit `blocks`, `encoders` is not as
        described, `decision` has no such weights, or needs heads that
        `auxiliary_loss` does not train.

    See Also
    --------
    EarlyFusionRegressor : One regressor on all blocks.
    LateFusionRegressor : One regressor for each modality.

    References
    ----------
    .. [1] J. Ngiam et al., "Multimodal Deep Learning", ICML, 2011.
    .. [2] J. Arevalo et al., "Gated Multimodal Units for Information Fusion",
           ICLR Workshop, 2017.
    .. [3] W. Wang, D. Tran, M. Feiszli, "What Makes Training Multi-modal
           Classification Networks Hard?", CVPR, 2020.
    .. [4] P. K. Atrey, M. A. Hossain, A. El Saddik, M. S. Kankanhalli, "Multimodal
           Fusion for Multimedia Analysis: a Survey", Multimedia Systems 16, 2010
           (hybrid fusion).

    Examples
    --------
    >>> import numpy as np
    >>> from mmsk.compose import Block, Blocks
    >>> from mmsk.fusion import IntermediateFusionRegressor
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> y = X[:, 0] * X[:, 2]
    >>> blocks = Blocks([Block("image", 0, 2), Block("table", 2, 3)])
    >>> model = IntermediateFusionRegressor(lr=1e-2, blocks=blocks, random_state=0)
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    """
