import Configuration

/// Every layer that a configuration can name; adding one is its file and its line here.
package let layerCatalog = Catalog<LayerBlueprint>(
  "layer",
  [
    Linear.catalogEntry("y = x·Wᵀ + b"),
    Conv2D.catalogEntry("a window of weights that slides over images"),
    ConvTranspose2D.catalogEntry("a window of weights that every pixel writes into a larger image"),
    Upsample2D.catalogEntry("images with more pixels: repeated, or between their neighbours"),
    ActivationLayer.catalogEntry("a pointwise nonlinearity"),
    BatchNorm.catalogEntry("normalisation of each channel over the batch"),
    GroupNorm.catalogEntry("normalisation of groups of channels over each sample"),
    LayerNorm.catalogEntry("normalisation of each row"),
    RMSNorm.catalogEntry("division of each row by its root mean square"),
    Dropout.catalogEntry("elements set to 0 at random in training"),
    MaxPool2D.catalogEntry("the largest of each channel under windows that slide over images"),
    AveragePool2D.catalogEntry("the mean of each channel under windows that slide over images"),
    GlobalAveragePool.catalogEntry("the mean of each channel over whole images"),
    PaddedShortcut.catalogEntry("every few pixels, with zeros for further channels"),
    Dropout2D.catalogEntry("whole channels of images set to 0 at random in training"),
    StochasticDepth.catalogEntry("whole samples set to 0 at random in training, at the end of a residual branch"),
    GlobalMaxPool.catalogEntry("the largest of each channel over whole images"),
    Attention.catalogEntry("weighted means of values by the likeness of queries and keys"),
    ChannelStatistics.catalogEntry("the mean and the largest of the channels at each pixel"),
    Embedding.catalogEntry("a trained vector for each token"),
    PositionEmbedding.catalogEntry("a vector for each place of a sequence, added to what stands there"),
    PatchEmbedding.catalogEntry("an image cut into patches, a vector for each"),
    Unpatchify.catalogEntry("an image put together from its patches"),
    TimeEmbedding.catalogEntry("waves of many lengths at the number of a time step"),
    GatedActivation.catalogEntry("half of the features, each let through by a nonlinearity of another"),
    RNN.catalogEntry("plain recurrent network"),
    LSTM.catalogEntry("long short-term memory with forget gates"),
    GRU.catalogEntry("gated recurrent unit"),
    ImageTokens.catalogEntry("the pixels of images as sequences of tokens"),
    TokenImage.catalogEntry("tokens as the pixels of images"),
    Flatten.catalogEntry("everything but the batch in one dimension"),
  ])

/// The types themselves, for the tests that every layer goes through.
package let configurableLayers: [any ConfigurableLayer.Type] = [
  Linear.self, Conv2D.self, ActivationLayer.self, BatchNorm.self, GroupNorm.self, LayerNorm.self, RMSNorm.self,
  Dropout.self, Dropout2D.self, StochasticDepth.self, MaxPool2D.self, AveragePool2D.self, GlobalAveragePool.self,
  GlobalMaxPool.self, ChannelStatistics.self, ChannelScale.self, SpatialScale.self, ResidualAdd.self,
  PaddedShortcut.self, Embedding.self, PositionEmbedding.self, GatedActivation.self, Attention.self, RNN.self,
  LSTM.self, GRU.self, Flatten.self,
  TimeEmbedding.self, PatchEmbedding.self, Unpatchify.self, ModulatedNorm.self, GatedAdd.self,
  ConvTranspose2D.self, Upsample2D.self, ChannelShift.self, Concatenate.self, ImageTokens.self, TokenImage.self,
]
