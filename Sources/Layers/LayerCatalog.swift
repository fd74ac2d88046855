import Configuration

/// Every layer, with what it does in a few words; adding one is its file and its line here. A configuration cannot name
/// those without words, which model families add.
package let layerTypes: [(type: any ConfigurableLayer.Type, documentation: String?)] = [
  (Linear.self, "y = x·Wᵀ + b"),
  (Conv2D.self, "a window of weights that slides over images"),
  (ConvTranspose2D.self, "a window of weights that every pixel writes into a larger image"),
  (Upsample2D.self, "images with more pixels: repeated, or between their neighbors"),
  (ActivationLayer.self, "a pointwise nonlinearity"),
  (BatchNorm.self, "normalization of each channel over the batch"),
  (GroupNorm.self, "normalization of groups of channels over each sample"),
  (LayerNorm.self, "normalization of each row"),
  (RMSNorm.self, "division of each row by its root mean square"),
  (Dropout.self, "elements set to 0 at random in training"),
  (MaxPool2D.self, "the largest of each channel under windows that slide over images"),
  (AveragePool2D.self, "the mean of each channel under windows that slide over images"),
  (GlobalAveragePool.self, "the mean of each channel over whole images"),
  (PaddedShortcut.self, "every few pixels, with zeros for further channels"),
  (Dropout2D.self, "whole channels of images set to 0 at random in training"),
  (StochasticDepth.self, "whole samples set to 0 at random in training, at the end of a residual branch"),
  (GlobalMaxPool.self, "the largest of each channel over whole images"),
  (Attention.self, "weighted means of values by the likeness of queries and keys"),
  (ChannelStatistics.self, "the mean and the largest of the channels at each pixel"),
  (Embedding.self, "a trained vector for each token"),
  (PositionEmbedding.self, "a vector for each place of a sequence, added to its tokens"),
  (PatchEmbedding.self, "an image cut into patches, a vector for each"),
  (Unpatchify.self, "an image put together from its patches"),
  (TimeEmbedding.self, "waves of many lengths at the number of a time step"),
  (GatedActivation.self, "half of the features, each let through by a nonlinearity of another"),
  (RNN.self, "plain recurrent network"),
  (LSTM.self, "long short-term memory with forget gates"),
  (GRU.self, "gated recurrent unit"),
  (ImageTokens.self, "the pixels of images as sequences of tokens"),
  (TokenImage.self, "tokens as the pixels of images"),
  (Flatten.self, "everything but the batch in one dimension"),
  (ChannelScale.self, nil),
  (SpatialScale.self, nil),
  (ResidualAdd.self, nil),
  (ModulatedNorm.self, nil),
  (GatedAdd.self, nil),
  (ChannelShift.self, nil),
  (Concatenate.self, nil),
]

package let layerCatalog = Catalog<LayerBlueprint>(
  "layer", layerTypes.compactMap { layer in layer.documentation.map { layer.type.catalogEntry($0) } })
